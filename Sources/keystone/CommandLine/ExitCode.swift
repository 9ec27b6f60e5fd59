import SandboxController

/// What `keystone` exits with. One table for all commands; README shows the same.
enum ExitCode: Int32, CaseIterable, Sendable {
    case success = 0
    case failure = 1
    case usage = 2
    case noSuchSandbox = 3
    case wrongState = 4
    case image = 5
    case resources = 6
    case busy = 7
    case timeout = 124
    case execFailure = 125
    case notExecutable = 126
    case notFound = 127
    case cancelled = 130

    var meaning: String {
        switch self {
        case .success: "done"
        case .failure: "it failed; the message says what and why"
        case .usage: "the command line, the configuration or the folder is wrong; nothing was done"
        case .noSuchSandbox: "there is no such sandbox"
        case .wrongState: "the sandbox is in the wrong state: already running, not running, already there"
        case .image: "the image is missing, broken or could not be built"
        case .resources: "not enough memory or disk"
        case .busy: "another command holds what is needed; try again"
        case .timeout: "the time limit passed"
        case .execFailure: "the command could not be run: no such sandbox, not running, agent gone, wrong usage"
        case .notExecutable: "the command was found but can't be executed"
        case .notFound: "the command was not found in the guest"
        case .cancelled: "cancelled with Ctrl-C"
        }
    }

    /// The code for a failure of any command but `exec`, whose own failures are all `execFailure`.
    init(_ code: ControllerError.Code) {
        switch code {
        case .usage, .noRepository, .badPath, .configurationBroken: self = .usage
        case .noSuchSandbox: self = .noSuchSandbox
        case .sandboxExists, .alreadyRunning, .notRunning: self = .wrongState
        case .imageMissing, .imageBroken, .imageBuildFailed: self = .image
        case .noSpace, .noMemory: self = .resources
        case .busy: self = .busy
        case .timeout: self = .timeout
        case .cancelled: self = .cancelled
        case .agentGone, .agentRefused, .monitorGone, .deviceFailed, .machineFailed, .guestPanicked, .stateLost,
            .registryBroken, .permission,
            .missingProgram, .unsupported, .internal:
            self = .failure
        }
    }
}
