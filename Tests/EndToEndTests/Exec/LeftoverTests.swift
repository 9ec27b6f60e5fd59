import Glibc
import LinuxSystem
import Testing

extension EndToEnd {
    /// What commands leave behind.
    @Suite struct Leftovers {
        let sandbox: TestSandbox
        init() throws { sandbox = try SharedSandbox.get() }
        /// For the same cases elsewhere.
        init(_ sandbox: TestSandbox) { self.sandbox = sandbox }

        /// Seconds: the agent's grace for whoever still holds the output, and room for a slow guest.
        private static let graceAndMore = 12.0

        @Test func anOrphanThatHoldsTheOutputDoesNotHoldTheClient() throws {
            let finished = try sandbox.shell("sleep 7611 & echo done", within: 60)
            #expect(finished.code == 0 && finished.text == "done\n", "\(finished)")
            #expect(finished.errorText.contains("truncated"), "\(finished)")
            #expect(finished.seconds < Self.graceAndMore, "\(finished.seconds) s")
        }

        @Test func theOutputOfAnOrphanWithinTheGraceArrives() throws {
            let finished = try sandbox.shell("(sleep 0.2; echo late) & echo early", within: 60)
            #expect(finished.text == "early\nlate\n" && !finished.errorText.contains("truncated"), "\(finished)")
        }

        @Test func anOrphanThatHoldsNothingCostsNoTime() throws {
            let finished = try sandbox.shell("sleep 7612 >/dev/null 2>&1 </dev/null & echo done", within: 60)
            #expect(finished.code == 0 && finished.text == "done\n" && finished.errors.isEmpty, "\(finished)")
        }

        @Test func theLastBytesBeforeTheEndArrive() throws {
            for _ in 0..<20 {
                let finished = try sandbox.shell("seq 1 20000; echo last")
                #expect(
                    finished.text.hasSuffix("20000\nlast\n") && finished.output.count == 108_894 + 5,
                    "\(finished.output.count)")
            }
        }

        @Test func aKilledClientTakesTheCommandAndItsChildrenWithIt() throws {
            // Children that left the process group, the session or their parent count too.
            let script =
                "sleep 7711 & setsid sleep 7711 & (setsid sh -c 'sleep 7711 & sleep 7711' &) ; echo ready; sleep 7711"
            let running = try sandbox.begin(["sh", "-c", script])
            try running.wait(forOutput: "ready")
            #expect(try GuestWatch.appeared("[s]leep 7711", in: sandbox))
            try running.send(SIGKILL)
            let killed = Deadline.now()
            #expect(try GuestWatch.ended("[s]leep 7711", in: sandbox, within: 2))
            #expect(Double(Deadline.now() - killed) / 1e9 < 2.5)
            _ = try running.finish()
        }

        @Test(arguments: [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1])
        func signalsOfTheClientReachTheCommand(number: Int32) throws {
            let script =
                "for s in INT TERM HUP QUIT USR1; do trap \"echo $s; exit 33\" $s; done; echo ready; while :; do sleep 0.1; done"
            let running = try sandbox.begin(["sh", "-c", script])
            try running.wait(forOutput: "ready")
            try running.send(number)
            let finished = try running.finish(within: 20)
            let names = [SIGINT: "INT", SIGTERM: "TERM", SIGHUP: "HUP", SIGQUIT: "QUIT", SIGUSR1: "USR1"]
            #expect(finished.code == 33 && finished.lines.last == names[number], "\(finished)")
        }
    }
}
