import Foundation
import Glibc
import LinuxSystem

@testable import SandboxController

/// Looks at a sandbox as it says that it is, and as it is.
struct FaultTruth {
    /// `gone` where there is none of its name.
    private(set) var state = "gone"
    private(set) var errorCode: String?
    private(set) var problems: [String] = []

    init(_ sandbox: TestSandbox) throws {
        let status = try sandbox.keystone.agent("status", sandbox.name, "--json")
        let list = try sandbox.keystone.agent("list", "--json")
        if list.code != 0 { problems.append("list fails: \(list)") }
        var running: Set<pid_t> = []
        switch status.code {
        case 0:
            let told = try JSONDecoder().decode(Told.self, from: Data(status.output))
            state = told.state
            errorCode = told.errorCode
            running = Set([told.monitorProcess, told.machineProcess, told.deviceProcess].compactMap { $0 })
            if state == "error", told.errorReason?.hasSuffix(".") != true || told.errorAdvice == nil {
                problems.append("nobody can act on \(told)")
            }
        case 3: break
        default: problems.append("status fails: \(status)")
        }
        let listed = try JSONDecoder().decode([Told].self, from: Data(list.output)).first { $0.name == sandbox.name }
        if (listed?.state ?? "gone") != state {
            problems.append("list says \(listed?.state ?? "gone"), status \(state)")
        }
        check(Traces.of(sandbox), running)
        // A folder of the control groups of its own, where there is one.
        let groups = try HostProgram.run(["find", "/sys/fs/cgroup", "-type", "d", "-name", "*\(sandbox.name)*"]).lines
        if state != "running", !groups.isEmpty { problems.append("control groups are left: \(groups)") }
        checkFiles(sandbox)
    }

    private struct Told: Decodable {
        let name: String
        let state: String
        let errorCode, errorReason, errorAdvice: String?
        let monitorProcess, machineProcess, deviceProcess: pid_t?
    }

    private mutating func check(_ traces: Traces, _ running: Set<pid_t>) {
        switch state {
        case "running":
            if Set(traces.processes.map(\.number)) != running || running.count != 3 || traces.locks.isEmpty {
                problems.append("running, with \(traces) where it says \(running)")
            }
        case "starting", "stopping": problems.append("it is \(state) for ever: \(traces)")
        default: if !traces.isEmpty || !running.isEmpty { problems.append("\(state), with \(traces) and \(running)") }
        }
    }

    /// Files that were to be renamed into place, and folders of images in the making.
    private mutating func checkFiles(_ sandbox: TestSandbox) {
        _ = try? sandbox.keystone.agent("image", "list")
        let all = FileManager.default.subpaths(atPath: sandbox.directory.root) ?? []
        let left = all.filter { path in
            [PrivateFiles.temporaryMark, ".tmp", ImageStore.workPrefix, ".fetch-", ".prepare-"].contains {
                path.contains($0)
            }
        }
        if state != "running", !left.isEmpty { problems.append("temporary files are left: \(left)") }
        if state == "gone", access(sandbox.directory.sandboxFolder(sandbox.name), F_OK) == 0 {
            problems.append("its folder is left")
        }
    }
}
