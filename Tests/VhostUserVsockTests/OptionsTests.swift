import Testing

@testable import keystone_vhost_vsock

@Suite struct OptionsTests {
    private static let rest = ["--uds-path", "v.sock", "--guest-cid", "3"]

    @Test(arguments: [["--socket", "/run/vhost.sock"], ["--socket=/run/vhost.sock"]])
    func aSocketIsListenedAt(_ words: [String]) {
        let wanted = Options(backEnd: .socket("/run/vhost.sock"), path: "v.sock", guestCID: 3)
        #expect(Options.parse(words + OptionsTests.rest) == .serve(wanted))
        #expect(Options.parse(OptionsTests.rest + words) == .serve(wanted))
    }

    @Test func anInheritedDescriptorIsTaken() {
        let wanted = Options(backEnd: .descriptor(4), path: "a=b.sock", guestCID: 4_294_967_294)
        #expect(Options.parse(["--fd", "4", "--uds-path=a=b.sock", "--guest-cid=4294967294"]) == .serve(wanted))
    }

    private static let mistakes: [(words: [String], sentence: String)] = [
        (words: [], sentence: "--uds-path is missing"),
        (words: ["--uds-path", "v"], sentence: "--guest-cid is missing"),
        (words: rest, sentence: "one of --socket and --fd is needed"),
        (words: rest + ["--fd", "4", "--socket", "s"], sentence: "--socket and --fd exclude each other"),
        (words: rest + ["--fd", "four"], sentence: "--fd \"four\" is not a descriptor's number"),
        (words: rest + ["--fd", "-1"], sentence: "--fd \"-1\" is not a descriptor's number"),
        (words: rest + ["--fd"], sentence: "--fd needs a value"),
        (words: rest + ["--fd="], sentence: "--fd needs a value"),
        (words: rest + ["--guest-cid", "3"], sentence: "--guest-cid is given twice"),
        (words: ["--port", "1"], sentence: "there is no option \"--port\""),
        (words: ["stray"], sentence: "there is no option \"stray\""),
    ]

    @Test(arguments: mistakes)
    func whatIsWrongIsSaid(_ words: [String], _ sentence: String) {
        #expect(Options.parse(words) == .wrong(sentence))
    }

    /// 0 and 1 are reserved, 2 is the host, 2³²-1 is "any" (vsock(7)).
    @Test(arguments: ["0", "1", "2", "4294967295", "18446744073709551616", "-3", "x", "3 "])
    func aContextIDThatNoGuestCanHaveIsRefused(_ text: String) {
        #expect(
            Options.parse(["--fd", "4", "--uds-path", "v", "--guest-cid", text])
                == .wrong("--guest-cid \(text.debugDescription) is not a number from 3 to 4294967294"))
    }

    @Test func helpAndVersionNeedNothingElse() {
        #expect(Options.parse(["--fd", "4", "-h"]) == .help)
        #expect(Options.parse(["--version"]) == .version)
    }
}
