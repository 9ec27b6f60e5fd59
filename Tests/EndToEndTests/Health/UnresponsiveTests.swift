import Foundation
import Glibc
import LinuxSystem
import Testing

extension EndToEnd {
    /// A guest that is up and can't be used is not called healthy.
    @Suite struct UnresponsiveGuests {
        private struct Document: Decodable {
            struct Reason: Decodable { let code: String }
            let health: String
            let unresponsiveSeconds: Double?
            let reasons: [Reason]
        }

        /// In one sandbox, since what tells of either is time: the host's own try of a command, and 45 s without a report.
        @Test func anAgentThatRunsNothingAndAMachineThatHangsAreUnresponsive() throws {
            try TestSandbox.with("unusable", options: ["--network", "none"]) { sandbox in
                func expectUnresponsive(_ code: String, for seconds: Double) throws {
                    let finished = try sandbox.keystone.agent("health", sandbox.name, "--json")
                    let document = try JSONDecoder().decode(Document.self, from: Data(finished.output))
                    #expect(document.health == "unresponsive" && finished.code == 2, "\(finished)")
                    #expect(document.reasons.map(\.code) == [code], "\(finished)")
                    #expect((document.unresponsiveSeconds ?? 0) >= seconds, "\(finished)")
                }
                // The true agent stops, and another one says that all is well, until the host wants it back.
                let script = """
                    kill -STOP $PPID; keystone-guest-probe hostile healthy 300 >/tmp/told &
                    while [ ! -s /tmp/told ]; do sleep 0.1; done; cp /tmp/told /workspace/told
                    while [ ! -e /workspace/enough ]; do sleep 0.1; done; kill -CONT $PPID; kill $!
                    """
                let impostor = try sandbox.begin(["sh", "-c", script], options: ["-u", "root"])
                // Its output would come by way of the agent.
                let folder = sandbox.project.folder
                let isTold = try FileWatch.wait(in: folder, within: 60) {
                    (FileManager.default.contents(atPath: folder + "/told") ?? Data()).isEmpty == false
                }
                #expect(isTold)
                let watch = try sandbox.keystone.begin(["health", sandbox.name, "--watch"])
                try watch.wait(forOutput: "unusable healthy\n")
                try watch.wait(forOutput: "because no command can be run", within: 100)
                try expectUnresponsive("sessions", for: 5)

                let machine = try sandbox.processes().machine
                kill(machine, SIGSTOP)
                defer { kill(machine, SIGCONT) }
                try watch.wait(forOutput: "because the guest agent has stopped reporting", within: 60)
                try expectUnresponsive("agentSilent", for: 45)

                kill(machine, SIGCONT)
                try Data().write(to: URL(fileURLWithPath: folder + "/enough"))
                _ = try impostor.finish()
                // As a change, behind a time of day.
                try watch.wait(forOutput: " unusable healthy\n", within: 60)
                #expect(try sandbox.keystone.agent("health", sandbox.name).code == 0)
                #expect(try sandbox.exec("echo", "alive").line == "alive")
            }
        }
    }
}
