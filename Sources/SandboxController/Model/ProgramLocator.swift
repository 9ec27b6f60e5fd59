import FoundationEssentials
import Glibc

/// Finds our own programs.
enum ProgramLocator {
    /// A program of this build: `override` in the environment, beside the running program, or on the PATH.
    /// - Throws: `missingProgram` with where it was looked for.
    static func own(_ name: String, override: String) throws(ControllerError) -> String {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment[override], !path.isEmpty {
            guard access(path, X_OK) == 0 else {
                throw ControllerError(
                    .missingProgram, "\(override) names \(PrintableText.quoted(path)), which can't be executed.")
            }
            return path
        }
        let beside = runningProgram.parentPath + "/" + name
        if access(beside, X_OK) == 0 { return beside }
        for folder in (environment["PATH"] ?? "").split(separator: ":") where access("\(folder)/\(name)", X_OK) == 0 {
            return "\(folder)/\(name)"
        }
        throw ControllerError(
            .missingProgram, "\(name) was found neither beside \(runningProgram) nor on the PATH.",
            advice: "Install all of Keystone Agent's programs in one folder.")
    }

    /// Absolute path of the program that runs.
    static var runningProgram: String {
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
    }
}
