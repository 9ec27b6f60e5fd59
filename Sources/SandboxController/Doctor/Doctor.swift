/// Looks at everything on this host that sandboxes depend on. Changes nothing, but for a socket that it makes in the state
/// directory and removes at once.
public struct Doctor: Sendable {
    private let host: DoctorHost

    public init(_ host: DoctorHost) { self.host = host }

    /// In the order in which they matter: what is deepest comes first.
    public func examine() -> [Finding] {
        [
            KernelCheck.kernel(host), VirtualizationChecks.kvm(host), VirtualizationChecks.nested(host),
            QemuCheck.qemu(host), ProgramChecks.programs(host), VsockCheck.kernel(host), ProgramChecks.git(host),
            ImageChecks.image(host), ImageChecks.tools(host), RoomChecks.memory(host), RoomChecks.disk(host),
            StateChecks.folder(host), StateChecks.registry(host), StateChecks.configuration(host),
            ManagerCheck.userManager(host), ControlGroupCheck.delegation(host), LimitChecks.inotify(host),
            LimitChecks.descriptors(host), ProgramChecks.keys(host),
        ]
    }
}
