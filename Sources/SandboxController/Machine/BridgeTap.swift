import FoundationEssentials
import Glibc
import LinuxSystem

/// A tap interface on a bridge, made by QEMU's set-uid helper. QEMU itself may not start programs (`-sandbox
/// spawn=deny`), so the monitor asks the helper and hands the descriptor on.
public enum BridgeTap {
    /// Where distributions put the helper.
    static let places = ["/usr/lib/qemu", "/usr/libexec", "/usr/libexec/qemu", "/usr/lib64/qemu", "/run/wrappers/bin"]
    static let helperName = "qemu-bridge-helper"

    /// - Parameters:
    ///   - bridge: a bridge that `/etc/qemu/bridge.conf` allows.
    ///   - helper: nil looks in the usual places.
    /// - Returns: the open tap, for `MachineConfiguration.Network.tap`.
    /// - Throws: `missingProgram`, `permission` with what the helper said.
    public static func open(
        bridge: String, helper: String? = nil, deadline: Deadline = .after(milliseconds: 10_000)
    ) throws(ControllerError) -> FileDescriptor {
        try TapInterface.validate(bridge)
        let usual = places.map { $0 + "/" + helperName }.first(where: ProgramPath.isExecutable)
        guard let program = helper ?? usual ?? ProgramPath.locate(helperName) else {
            throw ControllerError(
                .missingProgram, "The bridge network needs \(helperName), which is not on this host.",
                advice: "Install qemu-system-common, or use --network user.")
        }
        var runner = ProgramRunner(path: program, arguments: ["--use-vnet", "--fd=3", "--br=" + bridge])
        let pair = try socketPair()
        runner.extraDescriptors = [pair.second.rawValue]
        let outcome = try runner.run(deadline: deadline)
        guard outcome.succeeded, let tap = received(from: pair.first) else {
            let reason = outcome.succeeded ? "it sent no descriptor" : outcome.lastError
            throw ControllerError(
                .permission, "\(helperName) made no tap on the bridge \(bridge): \(reason)",
                advice: "Allow the bridge in /etc/qemu/bridge.conf (a line 'allow \(bridge)'), or use --network user.")
        }
        return tap
    }

    private static func socketPair() throws(ControllerError) -> DescriptorPair {
        do throws(SystemError) {
            let pair = try UnixSocket.pair()
            try pair.first.setNonBlocking(true)
            return pair
        } catch {
            throw error.told("Cannot ask \(helperName) for a tap", as: .machineFailed)
        }
    }

    /// The helper sends one byte with the tap attached, before it ends.
    private static func received(from socket: borrowing FileDescriptor) -> FileDescriptor? {
        var descriptor: Int32 = -1
        var byte: UInt8 = 0
        let count = withUnsafeMutableBytes(of: &byte) { bytes in
            withUnsafeMutablePointer(to: &descriptor) { pointer -> Int in
                let room = UnsafeMutableBufferPointer(start: pointer, count: 1)
                do throws(SystemError) { return try socket.receive(into: bytes, descriptors: room).descriptors } catch {
                    return 0
                }
            }
        }
        return count == 1 ? FileDescriptor(owning: descriptor) : nil
    }
}
