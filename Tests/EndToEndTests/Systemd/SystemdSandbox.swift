import Foundation
import LinuxSystem

@testable import SandboxController

/// The sandbox of the tests about systemd: of an ordinary user, who has an SSH key, a git identity and a token.
struct SystemdSandbox {
    static let owner = SpawnRequest.Identity(userID: 54321, groupID: 54322, groups: [54322])
    static let token = "canary-\(UUID().uuidString)"
    /// Of the owner's SSH key, on the host.
    let privateKey: String
    let publicKey: String
    let sandbox: TestSandbox

    static func get() throws -> SystemdSandbox { try result.get() }
    private static let result = Result { try SystemdSandbox() }

    private init() throws {
        let project = try Project("systemd", owner: Self.owner)
        let home = try Room.shared().makeFolder("home-systemd")
        privateKey = try Room.shared().makeFolder("home-systemd/.ssh") + "/id_ed25519"
        try HostProgram.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", privateKey])
        publicKey = String(
            decoding: try FileDescriptor.open(privateKey + ".pub", 0).readAll(limit: 4096), as: UTF8.self)
        var keystone = try Keystone(in: project.folder)
        keystone.environment["HOME"] = home
        keystone.environment["ANTHROPIC_API_KEY"] = Self.token
        // SystemdUnits makes a host of it, whose sandboxes have a GiB at least.
        let options = ["--git-name", "Ada ✓", "--git-email", "ada@example.org", "--memory", "2048"]
        sandbox = try TestSandbox.start("systemd", options: options, keystone: keystone, project: project)
    }

    /// A script in the guest as root.
    func asRoot(_ script: String, within seconds: Double = 60) throws -> Finished {
        try sandbox.exec(["sh", "-c", script], options: ["-u", "root"], within: seconds)
    }

    /// Properties of the agent's service, as `systemctl show` has them.
    func property(_ name: String) throws -> String {
        try sandbox.exec("systemctl", "show", "-P", name, SystemdImage.service).line
    }

    /// How often the host has been told so far that an agent is there again.
    var returns: Int {
        let text = (try? String(contentsOfFile: sandbox.directory.eventsFile(sandbox.name), encoding: .utf8)) ?? ""
        return text.components(separatedBy: "\"agent.returned\"").count - 1
    }

    /// Runs a script as root that ends the agent, and waits for the next one's hello.
    func endAgent(_ script: String, within seconds: Double = 40) throws {
        let before = returns
        let killer = try sandbox.begin(["sh", "-c", script], options: ["-u", "root"])
        guard try FileWatch.wait(in: sandbox.stateFolder, within: seconds, until: { returns > before }) else {
            let console = try? String(contentsOfFile: sandbox.stateFolder + "/console.log", encoding: .utf8)
            throw Complaint("The agent did not come back; the console: \((console ?? "").suffix(2000))")
        }
        _ = try killer.finish(within: 20)
    }
}
