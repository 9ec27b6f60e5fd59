import Foundation
import Glibc
import LinuxSystem
import Testing

@testable import SandboxController

extension EndToEnd {
    /// `envFiles`: the project's own files of variables, in every session.
    @Suite(.enabled(if: getuid() == 0)) struct ProjectVariables {
        @Test func theySetWhatNothingElseSets() throws {
            var given = try TokenSandbox("dotenv", settings: ", \"envFiles\": [\".env\", \".env.*\"]", owner: nil)
            try given.setSources(variable: "token", file: [65], command: "b")
            given.keystone.environment["NOT_FOR_THE_GUEST"] = "canary"
            try given.project.write(
                ".env",
                Array("ONE=1\nexport TWO=\"a b\"\nFLAG=file\nANTHROPIC_API_KEY=file\nNOT_FOR_THE_GUEST\nPATH=/x\n".utf8)
            )
            try given.project.write(".env.local", Array("ONE=local\n".utf8))
            #expect(symlink("/etc/passwd", given.project.path(".env.link")) == 0)
            try Images.build(in: StateDirectory(root: given.keystone.stateDirectory ?? ""), for: given.keystone)
            let started = try given.keystone.mustSucceed(
                TestSandbox.startWords(given.name, ["--env", "FLAG=flag"]), within: TestSandbox.startSeconds)
            let sandbox = TestSandbox(name: given.name, project: given.project, keystone: given.keystone)
            defer { sandbox.remove() }
            for part in [".env:5: ", "PATH of .env is left out", ".env.link\\\" is left out"] {
                #expect(
                    started.errorText.contains(part.replacingOccurrences(of: "\\\"", with: "\"")), "\(part): \(started)"
                )
            }
            let show = "printf '%s|' \"$ONE\" \"$TWO\" \"$FLAG\" \"$ANTHROPIC_API_KEY\" \"${NOT_FOR_THE_GUEST-none}\""
            #expect(try sandbox.shell(show).text == "local|a b|flag|token|none|")
            let own = try sandbox.exec(["sh", "-c", show], options: ["-e", "ONE=own"])
            #expect(own.text.hasPrefix("own|"), "\(own)")

            // Read again when asked; the share itself is never written to.
            try given.project.write(".env.local", Array("ONE=again\n".utf8))
            let before = try FileManager.default.contentsOfDirectory(atPath: given.project.folder).sorted()
            try sandbox.keystone.mustSucceed(["provision", sandbox.name, "--only", "dotenv"])
            #expect(try sandbox.shell("echo $ONE").line == "again")
            #expect(try FileManager.default.contentsOfDirectory(atPath: given.project.folder).sorted() == before)
        }
    }
}
