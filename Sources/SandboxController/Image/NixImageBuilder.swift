import FoundationEssentials
import LinuxSystem

/// Makes an image with Nix, from a flake whose output is a folder with `image.json`, and takes it into the store.
public struct NixImageBuilder: Sendable {
    /// What is built where the flake's name leaves it open.
    static let output = "sandbox-image"
    /// Names the flake where the command line doesn't.
    static let variable = "KEYSTONE_AGENT_FLAKE"

    let store: ImageStore
    let progress: any ProgressReporter
    let environment: [String: String]

    public init(
        store: ImageStore, progress: any ProgressReporter = SilentProgress(),
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.store = store
        self.progress = progress
        self.environment = environment
    }

    /// What a build left behind that failed.
    public struct Failure: Error, Sendable {
        public let error: ControllerError
        /// What Nix said about it, each line safe to print.
        public let lines: [String]
    }

    /// - Parameters:
    ///   - flake: such as `.`, `github:OWNER/REPO?dir=nix` or `.#my-image`; nil for `KEYSTONE_AGENT_FLAKE`, else the folder
    ///     one stands in.
    ///   - name: the image's tag; nil for its own name.
    /// - Throws: `usage`, `missingProgram`, `imageBuildFailed` with Nix's own words, and what `importImage` throws.
    public func build(flake: String?, name: String?) throws(Failure) -> Image {
        let installable = try Self.installable(flake, environment)
        guard let nix = ProgramPath.locate("nix", environment: environment) else {
            throw Failure(
                error: ControllerError(
                    .missingProgram, "There is no nix on this host, and --nix builds with it.",
                    advice: "Install it (https://nixos.org/download), or leave --nix out for the minimal image."),
                lines: [])
        }
        let folder = try result(of: nix, installable)
        do throws(ControllerError) {
            return try store.importImage(from: folder, tag: name, progress: progress)
        } catch  where error.code == .imageMissing {
            throw Failure(
                error: ControllerError(
                    .imageBuildFailed,
                    "\(PrintableText.quoted(installable)) is not an image: what Nix built has no image.json.",
                    advice: "Name the output that is one, such as FLAKE#\(Self.output)."),
                lines: [])
        } catch {
            throw Failure(error: error, lines: [])
        }
    }

    /// The flake with the output to build, as `nix build` takes it.
    static func installable(_ flake: String?, _ environment: [String: String]) throws(Failure) -> String {
        let named = flake ?? environment[variable].flatMap { $0.isEmpty ? nil : $0 } ?? "."
        let sound =
            !named.isEmpty && !named.hasPrefix("-") && !named.hasPrefix("#") && named.utf8.count <= 4096
            && named.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F }
        guard sound else {
            throw Failure(
                error: ControllerError(
                    .usage, "\(PrintableText.quoted(named)) is not a flake.",
                    advice: "Give a folder, or a reference such as github:OWNER/REPO?dir=nix."),
                lines: [])
        }
        return named.contains("#") ? named : named + "#" + output
    }

    /// Where Nix has put the image.
    private func result(of nix: String, _ installable: String) throws(Failure) -> String {
        progress.stage("asking Nix for \(installable)")
        let phases = NixPhases(progress)
        var runner = ProgramRunner(
            path: nix,
            arguments: [
                "--extra-experimental-features", "nix-command flakes", "build", "--no-link", "--json",
                // Of a builder that failed: what it said last is then part of Nix's error.
                "--log-lines", "100", "--", installable,
            ])
        runner.environment.merge(environment) { $1 }
        runner.errorLimit = 1 << 20
        runner.errorLine = { phases.note($0) }
        let outcome: ProgramRunner.Outcome
        do throws(ControllerError) {
            // A build takes as long as it takes; Ctrl-C ends it.
            outcome = try runner.run(deadline: .never)
        } catch {
            throw Failure(error: error, lines: [])
        }
        guard outcome.succeeded else { throw Self.failure(installable, outcome) }
        let folders = Self.outputs(outcome.output)
        guard let folder = folders.first, folders.count == 1, folder.hasPrefix("/") else {
            throw Failure(
                error: ControllerError(
                    .imageBuildFailed,
                    "Nix built \(folders.count) paths from \(PrintableText.quoted(installable)), and an image is one.",
                    advice: "Name the one output that is an image, such as FLAKE#\(Self.output)."),
                lines: [])
        }
        return folder
    }

    /// The paths in what `nix build --json` prints; `--print-out-paths` came with Nix 2.9.
    static func outputs(_ json: [UInt8]) -> [String] {
        struct Built: Decodable { let outputs: [String: String] }
        let built = (try? JSONDecoder().decode([Built].self, from: Data(json))) ?? []
        return built.flatMap { $0.outputs.sorted { $0.key < $1.key }.map(\.value) }
    }

    private static func failure(_ installable: String, _ outcome: ProgramRunner.Outcome) -> Failure {
        let lines = NixPhases.errorLines(String(decoding: outcome.errors, as: UTF8.self))
        let how =
            switch (lines.isEmpty, outcome.status) {
            case (false, _): "what it said stands above"
            case (true, .exited(let code)): "it said nothing and ended with code \(code)"
            case (true, .signaled(let number, _)): "signal \(number) ended it"
            }
        return Failure(
            error: ControllerError(
                outcome.ranOutOfSpace ? .noSpace : .imageBuildFailed,
                "Nix could not build \(PrintableText.quoted(installable)); \(how).",
                advice: "To try by hand: nix build \(PrintableText.escaped(installable))"),
            lines: lines)
    }
}
