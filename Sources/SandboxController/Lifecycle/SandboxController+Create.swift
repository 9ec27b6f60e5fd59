import FoundationEssentials

extension SandboxController {
    /// Registers a sandbox without booting it.
    /// - Throws: `sandboxExists` when the name is taken; `imageMissing` when the image that was asked for is not there;
    ///   `noMemory` when this host will never have so much.
    @discardableResult
    public func create(
        name: String, project: String, settings: SandboxSettings
    ) throws(ControllerError) -> SandboxStatus {
        try SandboxName.validate(name)
        if let image = settings.image { _ = try ImageStore(directory: directory).find(image) }
        // What is free now says nothing about the start, what there is at all does.
        if let host = Preflight.Memory.read() {
            _ = try Preflight.checkMemory(
                settings.memoryMebibytes, host: .init(total: host.total, available: host.total))
        }
        let record = SandboxRecord(name: name, project: project, created: Date(), settings: settings)
        try Registry(directory: directory).update { (records) throws(ControllerError) in
            guard !records.contains(where: { $0.name == name }) else {
                throw ControllerError(
                    .sandboxExists, "There is a sandbox named \(name) already.",
                    advice: "Choose another name with --name, or start that one with other settings.")
            }
            records.append(record)
        }
        try PrivateFiles.makeFolder(directory.stateFolder(name))
        return try status(name)
    }
}
