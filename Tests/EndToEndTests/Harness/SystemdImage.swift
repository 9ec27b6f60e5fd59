import Foundation
import LinuxSystem

/// A Debian with systemd, whose agent is the service that the guest module describes.
enum SystemdImage {
    private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    static let service = "keystone-guest-agent.service"

    /// As the guest module has it for NixOS.
    private static let workspace = """
        [Unit]
        Description=The project
        [Mount]
        What=workspace
        Where=/workspace
        Type=9p
        Options=trans=virtio,version=9p2000.L,msize=512000,cache=mmap,nosuid,nodev

        """

    /// - Returns: a folder that `image import` takes.
    static func make() throws -> String {
        let room = try Room.shared()
        let target = try room.makeFolder("systemd/image")
        let units = try room.makeFolder("systemd/units")
        for name in ["keystone-guest-agent", "keystone-guest-sessions"] {
            let unit = try run("Tests/Nix/render-unit", ["/usr/local", name], within: 120).output
            try Data(unit).write(to: URL(fileURLWithPath: "\(units)/\(name).service"))
        }
        try Data(workspace.utf8).write(to: URL(fileURLWithPath: units + "/workspace.mount"))
        _ = try run(
            "Tests/systemd-image", [try kernel(), room.programs + "/keystone-guest-agent", units, target], within: 900)
        return target
    }

    /// The kernel of the minimal image, with its modules, as `image build` keeps it.
    private static func kernel() throws -> String {
        let state = try Room.shared().makeFolder("systemd/state")
        try Keystone(stateDirectory: state).mustSucceed(["image", "build"], within: 900)
        let kernels = state + "/cache/kernels"
        let releases = try FileManager.default.contentsOfDirectory(atPath: kernels).filter { !$0.hasPrefix(".") }
        guard let release = releases.first, releases.count == 1 else {
            throw Complaint("image build left \(releases) in \(kernels).")
        }
        return kernels + "/" + release
    }

    /// A script of this repository, with the real home, where it keeps what is dear to make.
    private static func run(_ script: String, _ arguments: [String], within seconds: Double) throws -> Finished {
        let environment = ProcessInfo.processInfo.environment.map { "\($0.key)=\($0.value)" }
        let request = SpawnRequest(
            path: package + "/" + script, arguments: arguments, environment: environment, descriptors: [])
        let finished = try Running(request).finish(within: seconds)
        guard finished.code == 0 else { throw Complaint("\(script): \(finished)") }
        return finished
    }
}
