import Foundation
import Testing

@testable import SandboxController
@testable import keystone

/// Parses a line as typed after `keystone`, words separated by spaces.
func parse(_ line: String) -> Parse { parse(line.split(separator: " ").map { Word(String($0)) }) }

func parse(_ words: [Word]) -> Parse { ArgumentParser.parse(words, root: CommandTree.keystone) }

/// The failure of a line, or nil when it was understood.
func failure(_ line: String) -> ParseFailure? { failure(parse(line)) }

func failure(_ parse: Parse) -> ParseFailure? {
    if case .failed(let failure) = parse.outcome { failure } else { nil }
}

/// Every command of a tree with the words that lead to it.
func allCommands(_ root: Command = CommandTree.keystone, path: [Command] = []) -> [[Command]] {
    [path + [root]] + root.subcommands.flatMap { allCommands($0, path: path + [root]) }
}

/// A folder of a test's own, removed at its end.
final class Scratch {
    let path: String

    init() {
        // Without symbolic links, as the program shows paths.
        path = "/tmp/keystone-command-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        mkdir(path, 0o700)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func folder(_ name: String) throws -> String {
        try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
        return "\(path)/\(name)"
    }

    func repository(_ name: String) throws -> String {
        let top = try folder(name)
        _ = try folder(name + "/.git")
        try Data("ref: refs/heads/main\n".utf8).write(to: URL(fileURLWithPath: top + "/.git/HEAD"))
        return top
    }
}

/// The built program, run with a state directory of its own, no terminal, and stdin at its end.
struct Program {
    struct Result {
        let code: Int32
        let output: String
        let errors: String
    }

    let scratch = Scratch()
    var state: String { scratch.path + "/state" }

    func run(
        _ arguments: [String], in folder: String? = nil, environment: [String: String] = [:],
        calledAs name: String? = nil
    ) throws -> Result {
        let process = Process()
        var program =
            (try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") as NSString)
            .deletingLastPathComponent + "/keystone"
        if let name {
            try FileManager.default.createSymbolicLink(atPath: "\(scratch.path)/\(name)", withDestinationPath: program)
            program = "\(scratch.path)/\(name)"
        }
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder ?? scratch.path)
        var variables = ["PATH": "/usr/bin:/bin", "HOME": scratch.path, "KEYSTONE_AGENT_STATE_DIR": state]
        variables.merge(environment) { $1 }
        process.environment = variables
        let (output, errors) = (Pipe(), Pipe())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // What the program says fits the pipes, so they are read one after the other.
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let said = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(
            code: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: said, as: UTF8.self))
    }

    func register(_ records: [SandboxRecord]) throws {
        try Registry(directory: StateDirectory(root: state)).update { $0 = records }
    }
}

func record(_ name: String, project: String = "/p") -> SandboxRecord {
    SandboxRecord(
        name: name, project: project, created: Date(timeIntervalSince1970: 1_790_000_000), settings: SandboxSettings())
}
