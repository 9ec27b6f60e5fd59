import AgentProtocol

extension HealthReport {
    /// The same with all text safe for a terminal, and still within the wire's bounds.
    ///
    /// At the door, so that nothing behind it can forget to. A name of control characters alone grows eightfold, so it is cut.
    func escaped() -> HealthReport {
        var copy = self
        copy.mounts = mounts?.map {
            var mount = $0
            mount.path = HealthReport.safe($0.path, HealthMount.pathLimit)
            mount.type = HealthReport.safe($0.type, 32)
            return mount
        }
        copy.ports = ports?.map { ListeningPort(port: $0.port, address: HealthReport.safe($0.address, 46)) }
        copy.memoryKills = memoryKills.map {
            MemoryKills(
                total: $0.total,
                recent: $0.recent.map {
                    .init(
                        program: HealthReport.safe($0.program, 64), processID: $0.processID, uptime: $0.uptime)
                })
        }
        copy.services = services.map {
            HealthServices(
                state: HealthReport.safe($0.state, 32),
                failed: $0.failed.map { HealthReport.safe($0, HealthServices.nameLimit) },
                active: $0.active.map { HealthReport.safe($0, HealthServices.nameLimit) })
        }
        return copy
    }

    private static func safe(_ text: String, _ limit: Int) -> String {
        HealthText.bounded(PrintableText.escaped(text), limit)
    }
}
