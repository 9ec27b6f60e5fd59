@testable import AgentProtocol

/// One of each message, with every field set, and ways to decode any of them.
enum Samples {
    static func secret(_ byte: UInt8) -> Secret {
        guard let secret = Secret([UInt8](repeating: byte, count: Secret.size)) else { preconditionFailure() }
        return secret
    }

    static var request: ExecRequest {
        ExecRequest(
            arguments: [Array("prog".utf8), [], [0xFF, 0xFE, 10]],
            environment: [Array("A=b c".utf8), Array("Ü=✓".utf8)],
            directory: "/work space/ü", user: "sandbox:users", terminal: .init(rows: 50, columns: 65535),
            standardInput: .stream, timeoutMilliseconds: 1 << 40, detached: true,
            withholdsTokens: true, isProbe: true)
    }

    static var exit: ExitReport {
        ExitReport(
            outcome: .signal(15), outOfMemory: true, timedOut: true, truncated: true, userMicroseconds: 1,
            systemMicroseconds: 2, wallMicroseconds: .max, maximumResidentKibibytes: 4)
    }

    static var provisionRequest: ProvisionRequest {
        ProvisionRequest(
            steps: Set(ProvisionStep.allCases), clock: .max, hostname: "box-1.example",
            machineID: [UInt8](0..<16), entropy: [UInt8](repeating: 0, count: ProvisionRequest.entropyLimit),
            user: .init(name: "sandbox", userID: 4_294_967_294, groupID: 100),
            gitIdentity: .init(name: "Ü \"quoted\"\nname", email: "a@b"), safeDirectories: ["/workspace", "/ü \\"],
            authorizedKeys: ["ssh-ed25519 AAAA comment", ""], environment: [Array("A=b c".utf8), [0xFF, 61, 10]],
            tokens: [token("API_KEY", [0, 255, 10]), token("_2", Array("value".utf8))].compactMap { $0 },
            projectEnvironment: [Array("B=1".utf8), []])
    }

    static func token(_ name: String, _ bytes: [UInt8]) -> ProvisionRequest.Token? {
        TokenValue(bytes).flatMap { ProvisionRequest.Token(name: name, value: $0) }
    }

    static var provisionReport: ProvisionReport {
        ProvisionReport(
            results: [
                .init(.clock, .done, "The clock was 3 s behind."), .init(.user, .failed, "✗"),
                .init(.environment, .unchanged),
            ])
    }

    static var ownershipRequest: OwnershipRequest {
        OwnershipRequest(
            root: Array("/work space".utf8), paths: [[0xFF, 10], Array("a/b".utf8)], userID: .max, groupID: 5,
            dryRun: true, limitMilliseconds: .max)
    }

    static var ownershipReport: GuestOwnershipReport {
        GuestOwnershipReport(
            isPartial: true, isComplete: false, seen: .max, changed: 2, alreadyRight: 3, bitsCleared: 4, calls: 5,
            milliseconds: 6,
            problems: [
                .init(.other, code: 5, count: .max, examples: [[0xFF], [10]]), .init(.otherMount, count: 1),
                .init(.hardLink, count: 1, examples: [[UInt8](repeating: 1, count: GuestOwnershipReport.exampleBytes)]),
            ])
    }

    static var healthReport: HealthReport {
        var figures = HealthFigures()
        (figures.uptime, figures.load1, figures.load5, figures.load15) = (.max, 1, 256, 65536)
        (figures.memoryTotal, figures.memoryAvailable, figures.swapTotal, figures.swapFree) = (4, 3, 2, 1)
        (figures.tasks, figures.agentUptime, figures.agentProcessorTime, figures.agentResident) = (5, 6, 7, 8)
        figures.pressure = .init(
            processorSome: 1, memorySome: 10_000, memoryFull: 0, storageSome: 3, storageFull: 9999)
        return HealthReport(
            clock: .max, figures: figures, sessions: .init(running: 3, detached: 1, started: .max),
            mounts: [
                .init(path: "/", type: "rootfs"),
                .init(
                    path: "/work space/✗", type: "9p", isReadOnly: true, total: 1, available: 2, entries: 3,
                    entriesFree: 4),
            ], ports: [.init(port: .max, address: "::1"), .init(port: 0, address: "")],
            memoryKills: .init(total: 7, recent: [.init(program: "a b)", processID: 9, uptime: 11)]),
            services: .init(state: "degraded", failed: ["x.service"], active: ["a.service", "b.service"]))
    }

    static var all: [any WireMessage] {
        [
            Hello(
                versions: VersionRange(lowest: 1, highest: 7), features: [.cgroups, .power], role: .report,
                secret: secret(3),
                softwareVersion: "1.2.3", bootID: "0d3a"),
            Hello(role: .operation, secret: secret(4)),
            Welcome(version: 3, features: .cgroups, secret: secret(5), softwareVersion: "9"),
            Failure(.programNotFound, "there is no program \"x\""), request, ExecRequest(arguments: [[97]]),
            Started(processID: 4_000_000, sessionID: "s-12"), StandardInputWindow(grant: .max),
            SignalRequest(number: 64),
            Resize(size: .init(rows: 1, columns: 2)), PowerRequest(action: .restart), exit,
            ExitReport(outcome: .code(255)), provisionRequest, ProvisionRequest(steps: []),
            provisionReport, ProvisionReport(results: []), ownershipRequest,
            OwnershipRequest(root: [47], userID: 0, groupID: 0), ownershipReport, GuestOwnershipReport(),
            ForwardRequest(.port(.max)),
            ForwardRequest(.path([47, 0xFF, 10]), user: "ü:root"), healthReport, HealthReport(clock: 0),
            HealthReport(clock: 1, mounts: [], ports: [], memoryKills: .init()),
        ]
    }

    /// Decodes a payload as whatever its kind says. Errors are fine, traps are not.
    static func decode(_ kind: FrameKind, _ payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        switch kind {
        case .hello: _ = try Hello(decoding: payload)
        case .welcome: _ = try Welcome(decoding: payload)
        case .failure: _ = try Failure(decoding: payload)
        case .execRequest: _ = try ExecRequest(decoding: payload)
        case .started: _ = try Started(decoding: payload)
        case .standardInputWindow: _ = try StandardInputWindow(decoding: payload)
        case .signal: _ = try SignalRequest(decoding: payload)
        case .resize: _ = try Resize(decoding: payload)
        case .exit: _ = try ExitReport(decoding: payload)
        case .powerRequest: _ = try PowerRequest(decoding: payload)
        case .provisionRequest: _ = try ProvisionRequest(decoding: payload)
        case .provisionReport: _ = try ProvisionReport(decoding: payload)
        case .ownershipRequest: _ = try OwnershipRequest(decoding: payload)
        case .forwardRequest: _ = try ForwardRequest(decoding: payload)
        case .healthReport: _ = try HealthReport(decoding: payload)
        case .ownershipReport: _ = try GuestOwnershipReport(decoding: payload)
        case .standardOutput, .standardError, .standardInput, .standardInputEnd, .cancel, .accepted, .echo, .echoReply,
            .forwardData, .forwardEnd:
            break
        }
    }
}

/// A small generator with a fixed seed, so that a failure can be had again.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
