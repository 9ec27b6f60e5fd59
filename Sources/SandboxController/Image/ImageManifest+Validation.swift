import FoundationEssentials

extension ImageManifest {
    static let fileName = "image.json"
    /// A manifest is a few hundred bytes; more than this is no manifest.
    static let maximumBytes = 1 << 20
    private static let maximumDisks = 16

    /// Every file of the image.
    public var files: [File] { [kernel, initrd] + disks.map(\.file) }

    /// The content hash: SHA-256 over the manifest's JSON without `id` and `description`, with sorted keys and no white
    /// space, which is what `jq -cjS 'del(.id, .description)' image.json | sha256sum` gives.
    public var computedID: String {
        struct Content: Encodable {
            let version: Int
            let name, architecture: String
            let kernel, initrd: File
            let commandLine: [String]
            let disks: [Disk]
            let features: [String]
        }
        return SHA256.hexadecimal(
            StableJSON.encode(
                Content(
                    version: version, name: name, architecture: architecture, kernel: kernel, initrd: initrd,
                    commandLine: commandLine, disks: disks, features: features)))
    }

    /// Reads and checks a manifest.
    /// - Throws: `imageBroken` with a sentence that says what is wrong with it.
    static func parse(_ bytes: [UInt8]) throws(ControllerError) -> ImageManifest {
        struct Version: Decodable { let version: Int }
        let data = Data(bytes)
        guard let version = (try? JSONDecoder().decode(Version.self, from: data))?.version else {
            throw broken("is not JSON with a version")
        }
        guard version == currentVersion else {
            throw broken("has version \(version), and this keystone knows \(currentVersion) only")
        }
        let manifest: ImageManifest
        do {
            manifest = try JSONDecoder().decode(ImageManifest.self, from: data)
        } catch {
            throw broken("lacks a field or has one of the wrong kind (\(PrintableText.escaped(reason(error))))")
        }
        try manifest.validate()
        return manifest
    }

    private func validate() throws(ControllerError) {
        guard (try? SandboxName.validate(name)) != nil else { throw Self.broken("has a bad name") }
        guard ["x86_64", "aarch64"].contains(architecture) else {
            throw Self.broken("has the unknown architecture \(PrintableText.quoted(architecture))")
        }
        for file in files {
            guard Self.staysInside(file.path) else {
                throw Self.broken("names the file \(PrintableText.quoted(file.path)), which is not inside the image")
            }
            guard file.sha256.utf8.count == 64, file.sha256.allSatisfy({ $0.isHexDigit && !$0.isUppercase }) else {
                throw Self.broken("has a bad hash for \(PrintableText.quoted(file.path))")
            }
        }
        guard disks.count <= Self.maximumDisks, disks.allSatisfy({ $0.format == "raw" }) else {
            throw Self.broken("has a disk that is not of format raw, or more than \(Self.maximumDisks) of them")
        }
        guard commandLine.allSatisfy({ $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } && !$0.isEmpty }) else {
            throw Self.broken("has a kernel parameter with a space or a strange character")
        }
        guard id == computedID else { throw Self.broken("does not match its own id") }
    }

    /// Relative, without `.`, `..` or empty parts, and not the manifest itself.
    static func staysInside(_ path: String) -> Bool {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return !path.utf8.contains(0) && path != fileName && path != ImageRecord.fileName
            && parts.allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." }
    }

    private static func broken(_ what: String) -> ControllerError {
        ControllerError(.imageBroken, "The image's \(fileName) \(what).")
    }

    private static func reason(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, _): "no \(key.stringValue)"
        case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
            DecodingError.dataCorrupted(let context):
            "at \(context.codingPath.map(\.stringValue).joined(separator: "."))"
        default: "unreadable"
        }
    }
}
