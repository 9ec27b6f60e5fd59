/// What carries a sandbox's vsock connections.
enum VsockCarrier: Sendable {
    /// Our own vhost-user device, by its path.
    case device(program: String)
    case kernel(KernelVsock)

    /// Our device where it is installed, because nobody but its owner reaches a guest through it and it needs no right;
    /// else the kernel's.
    /// - Throws: what is missing, with what to do.
    static func choose(_ asked: SandboxSettings.Vsock?) throws(ControllerError) -> VsockCarrier {
        switch asked {
        case .vhost: return .kernel(try KernelVsock.claim())
        case .vhostUser: return .device(program: try deviceProgram())
        case nil:
            do throws(ControllerError) {
                return .device(program: try deviceProgram())
            } catch let failure {
                do throws(ControllerError) { return .kernel(try KernelVsock.claim()) } catch { throw failure }
            }
        }
    }

    private static func deviceProgram() throws(ControllerError) -> String {
        try ProgramLocator.own("keystone-vhost-vsock", override: "KEYSTONE_VHOST_VSOCK")
    }

    var kind: SandboxSettings.Vsock {
        switch self {
        case .device: .vhostUser
        case .kernel: .vhost
        }
    }

    /// nil where the number is the device's own affair.
    var guestCID: UInt32? {
        switch self {
        case .device: nil
        case .kernel(let vsock): vsock.guestCID
        }
    }
}
