import Testing

@testable import SandboxController

@Suite struct ImageHashTests {
    // FIPS 180-4's own examples and the empty message.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
    ])
    func knownMessagesHaveTheirDigest(_ text: String, _ digest: String) {
        #expect(SHA256.hexadecimal(text.utf8) == digest)
    }

    @Test func aHundredThousandLettersHaveTheirDigest() {
        // `head -c 100000 /dev/zero | tr '\0' a | sha256sum`
        let digest = "6d1cf22d7cc09b085dfc25ee1a1f3ae0265804c607bc2074ad253bcc82fd81ee"
        #expect(SHA256.hexadecimal(repeatElement(UInt8(ascii: "a"), count: 100_000)) == digest)
    }

    /// Every length around a block's end, in pieces of every size, gives what it gives at once.
    @Test func piecesGiveTheSameAsTheWhole() {
        for length in [55, 56, 63, 64, 65, 119, 120, 128, 200] {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            let whole = SHA256.hexadecimal(bytes)
            for piece in [1, 7, 63, 64, 65] {
                var hash = SHA256()
                for start in stride(from: 0, to: length, by: piece) {
                    hash.update(Array(bytes[start..<min(length, start + piece)]))
                }
                #expect(hash.finish() == whole)
            }
        }
    }
}
