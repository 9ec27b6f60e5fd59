import Glibc
import LinuxSystem
import Testing

extension EndToEnd {
    /// Bytes in and out.
    @Suite struct Streams {
        let sandbox: TestSandbox
        init() throws { sandbox = try SharedSandbox.get() }

        private static let noise = "(i=0; while [ $i -lt 3000 ]; do echo \"note $i\" >&2; i=$((i+1)); done) &"

        private func expectNoise(_ text: String) {
            #expect(
                text == (0..<3000).map { "note \($0)\n" }.joined(),
                "stderr has \(text.utf8.count) bytes: …\(text.suffix(300))")
        }

        @Test func muchOutputArrivesWholeWhileErrorsAreWritten() throws {
            let hash = try sandbox.project.writeRandom("large-out", mebibytes: 256)
            defer { sandbox.project.remove("large-out") }
            let pipe = try FileDescriptor.pipe()
            let reading = OwnedDescriptor(pipe.first)
            var writing: OwnedDescriptor? = OwnedDescriptor(pipe.second)
            let sum = try Running(
                SpawnRequest(path: "/usr/bin/sha256sum", arguments: [], environment: [], descriptors: []),
                input: .descriptor(reading.raw))
            let running = try sandbox.begin(
                ["sh", "-c", "\(Self.noise) cat /workspace/large-out; wait"], output: .descriptor(writing?.raw ?? -1))
            writing = nil
            let finished = try running.finish(within: 120)
            #expect(finished.code == 0)
            expectNoise(finished.errorText)
            #expect(try sum.finish().text.hasPrefix(hash))
        }

        @Test func muchInputArrivesWholeWhileErrorsAreWritten() throws {
            let hash = try sandbox.project.writeRandom("large-in", mebibytes: 64)
            defer { sandbox.project.remove("large-in") }
            // From a file (`exec -i < file`), which never becomes readable later than now.
            let file = OwnedDescriptor(try FileDescriptor.open(sandbox.project.path("large-in"), O_RDONLY))
            let running = try sandbox.begin(
                ["sh", "-c", "\(Self.noise) sha256sum; wait"], options: ["-i"], input: .descriptor(file.raw))
            let finished = try running.finish(within: 120)
            #expect(finished.code == 0)
            #expect(finished.text.hasPrefix(hash), "\(finished.text)")
            expectNoise(finished.errorText)
        }

        @Test func bothWaysAtOnce() throws {
            let bytes = (0..<8_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
            let finished = try sandbox.exec(["cat"], options: ["-i"], input: .bytes(bytes), within: 60)
            #expect(finished.code == 0 && finished.output == bytes, "\(finished.output.count) bytes came back")
        }

        @Test func theEndOfStandardInputReachesTheCommand() throws {
            let running = try sandbox.begin(
                ["sh", "-c", "while read -r line; do echo \"got $line\"; done; echo end"], options: ["-i"], input: .open
            )
            running.write("one\n")
            try running.wait(forOutput: "got one")
            running.write("two\n")
            try running.wait(forOutput: "got two")
            #expect(!running.text.contains("end"))
            running.closeInput()
            let finished = try running.finish()
            #expect(finished.code == 0 && finished.text == "got one\ngot two\nend\n", "\(finished)")
        }

        @Test func aCommandThatNeverReadsStillGetsSignals() throws {
            let endless = OwnedDescriptor(try FileDescriptor.open("/dev/zero", O_RDONLY))
            let script = "trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
            let running = try sandbox.begin(["sh", "-c", script], options: ["-i"], input: .descriptor(endless.raw))
            try running.wait(forOutput: "ready")
            try running.send(SIGTERM)
            let finished = try running.finish(within: 20)
            #expect(finished.text == "ready\ncaught\n" && finished.code == 5, "\(finished)")
        }

        @Test func aCommandThatNeverReadsIsEndedWithItsClient() throws {
            let endless = OwnedDescriptor(try FileDescriptor.open("/dev/zero", O_RDONLY))
            let running = try sandbox.begin(
                ["sh", "-c", "echo ready; sleep 7411"], options: ["-i"], input: .descriptor(endless.raw))
            try running.wait(forOutput: "ready")
            try running.send(SIGKILL)
            #expect(try running.finish().code == 137)
            #expect(try GuestWatch.ended("[s]leep 7411", in: sandbox, within: 2))
        }

        @Test func aReaderThatTakesNothingHoldsNoSignalBack() throws {
            let pipe = try FileDescriptor.pipe()
            let reading = OwnedDescriptor(pipe.first)
            var writing: OwnedDescriptor? = OwnedDescriptor(pipe.second)
            // Full before the command begins, and blocking again for its client.
            try writing?.value.setNonBlocking(true)
            let filling = [UInt8](repeating: UInt8(ascii: "."), count: 4096)
            var filled = 0
            while true {
                let count = write(writing?.raw ?? -1, filling, filling.count)
                guard count > 0 else { break }
                filled += count
            }
            try writing?.value.setNonBlocking(false)
            let script = "trap 'echo caught; : >caught; exit 5' TERM; echo ready; : >ready; while :; do sleep 0.1; done"
            let running = try sandbox.begin(["sh", "-c", script], output: .descriptor(writing?.raw ?? -1))
            writing = nil
            let (folder, project) = (sandbox.project.folder, sandbox.project)
            try #require(try FileWatch.wait(in: folder, within: 20) { access(project.path("ready"), F_OK) == 0 })
            try running.send(SIGTERM)
            #expect(try FileWatch.wait(in: folder, within: 20) { access(project.path("caught"), F_OK) == 0 })
            let text = String(decoding: try reading.value.readAll(limit: filled + 100), as: UTF8.self)
            #expect(text.drop { $0 == "." } == "ready\ncaught\n")
            #expect(try running.finish(within: 20).code == 5)
        }

        @Test func aReaderThatHasGoneEndsTheCommand() throws {
            let pipe = try FileDescriptor.pipe()
            var reading: OwnedDescriptor? = OwnedDescriptor(pipe.first)
            let writing = OwnedDescriptor(pipe.second)
            let running = try sandbox.begin(["sh", "-c", "yes 7511-$((7000+511))"], output: .descriptor(writing.raw))
            var bytes: [UInt8] = []
            try reading?.value.waitUntilReady(Int32(POLLIN), deadline: .after(milliseconds: 20_000))
            var chunk = [UInt8](repeating: 0, count: 100)
            bytes.append(contentsOf: chunk[..<max(0, read(reading?.raw ?? -1, &chunk, chunk.count))])
            reading = nil
            let finished = try running.finish(within: 20)
            #expect(finished.code == 128 + SIGPIPE, "\(finished)")
            #expect(try GuestWatch.ended("[y]es 7511", in: sandbox, within: 2))
        }

        @Test func aFullStandardOutputEndsTheCommandWithASentence() throws {
            let full = OwnedDescriptor(try FileDescriptor.open("/dev/full", O_WRONLY))
            let finished = try sandbox.begin(["sh", "-c", "echo lost; sleep 7521"], output: .descriptor(full.raw))
                .finish(within: 20)
            #expect(finished.code == 125 && finished.isOneClearSentence, "\(finished)")
            #expect(try GuestWatch.ended("[s]leep 7521", in: sandbox, within: 2))
        }

        /// Whatever stream is closed or full, the exit code is told and nothing crashes.
        @Test(arguments: ["2>/dev/full", "2>&-", "0<&-", "0<&- 2>&-"])
        func strangeStreamsChangeNoExitCode(redirection: String) throws {
            let program = try Room.shared().program
            for (command, code) in [("sh -c 'exit 6'", 6), ("no-such-program", 127), ("/etc/passwd", 126)]
                as [(String, Int32)]
            {
                let line =
                    "\(program) agent --state-dir '\(sandbox.directory.root)' exec shared -- \(command) \(redirection); echo $?"
                #expect(try HostProgram.run(["sh", "-c", line]).line == String(code), "\(command) \(redirection)")
            }
        }

        @Test func aClosedStandardOutputIsToldAndIsNoSocketOfOurs() throws {
            let program = try Room.shared().program
            let line =
                "\(program) agent --state-dir '\(sandbox.directory.root)' exec shared -- echo lost >&-; echo $? >&2"
            let finished = try HostProgram.run(["sh", "-c", line])
            #expect(finished.errorText.hasSuffix("125\n") && finished.errorText.contains("output"), "\(finished)")
        }
    }
}
