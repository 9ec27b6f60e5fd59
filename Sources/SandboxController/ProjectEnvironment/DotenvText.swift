/// Files of variables as projects have them (`.env` of docker compose, dotenv and direnv): `NAME=value`, `export` before it or
/// not, values bare, in single quotes (as they stand) or in double quotes (with `\n`, `\t`, `\r`, `\"`, `\\`, `\$`), quoted
/// ones over several lines, comments behind `#`. `$` stands for itself.
///
/// Not `EnvironmentFile`, which is docker's form for `--env-file`: that has no quotes, and a name alone stands for the value it
/// has on this host. Here it must not: the guest can write these files, and would ask for any variable of the host's.
struct DotenvText {
    /// `NAME=value`, in the file's order.
    private(set) var entries: [[UInt8]] = []
    /// Lines that are left out: number, and a clause that never tells what is in them.
    private(set) var problems: [(line: Int, reason: String)] = []

    /// Lines that are left out before the rest is.
    private static let problemLimit = 100
    private let text: ArraySlice<UInt8>
    private var position: Int
    private var line = 1

    init(_ bytes: [UInt8]) {
        text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        position = text.startIndex
        // Each problem may have looked at all the rest.
        while position < text.endIndex, problems.count < Self.problemLimit { readLine() }
    }

    private mutating func readLine() {
        let begin = line
        skip(Self.isBlank)
        if let byte = current, byte != Self.feed, byte != UInt8(ascii: "#") {
            let start = position
            do throws(Problem) {
                entries.append(try readEntry())
            } catch {
                problems.append((begin, error.reason))
                // A quote that nobody closes must not swallow the lines behind it.
                (position, line) = (start, begin)
            }
        }
        skip { $0 != Self.feed }
        if current == Self.feed {
            position += 1
            line += 1
        }
    }

    private struct Problem: Error { let reason: String }

    private mutating func readEntry() throws(Problem) -> [UInt8] {
        if text[position...].starts(with: "export".utf8), text.endIndex > position + 6, Self.isBlank(text[position + 6])
        {
            position += 6
            skip(Self.isBlank)
        }
        let name = text[position...].prefix { $0 != UInt8(ascii: "=") && $0 != Self.feed }
        position += name.count
        guard current == UInt8(ascii: "=") else { throw Problem(reason: "it is not of the form NAME=VALUE") }
        position += 1
        let ending = name.reversed().drop(while: Self.isBlank)
        let trimmed = Array(ending.reversed())
        guard Self.isName(trimmed) else { throw Problem(reason: "its name is not one that a shell could use") }
        skip(Self.isBlank)
        let value: [UInt8]
        switch current {
        case UInt8(ascii: "'"): value = try readQuoted(escapes: false)
        case UInt8(ascii: "\""): value = try readQuoted(escapes: true)
        default: value = readBare()
        }
        guard !value.contains(0) else { throw Problem(reason: "it has a NUL byte") }
        return trimmed + [UInt8(ascii: "=")] + value
    }

    /// To the line's end, or to a `#` that has a blank before it.
    private mutating func readBare() -> [UInt8] {
        var value: [UInt8] = []
        var isAfterBlank = true
        while let byte = current, byte != Self.feed, !(byte == UInt8(ascii: "#") && isAfterBlank) {
            isAfterBlank = Self.isBlank(byte)
            value.append(byte)
            position += 1
        }
        while let last = value.last, Self.isBlank(last) { value.removeLast() }
        return value
    }

    private mutating func readQuoted(escapes: Bool) throws(Problem) -> [UInt8] {
        let quote = text[position]
        var value: [UInt8] = []
        position += 1
        while let byte = current, byte != quote {
            if byte == Self.feed { line += 1 }
            position += 1
            if escapes, byte == UInt8(ascii: "\\"), let next = current, let meant = Self.escapes[next] {
                value.append(meant)
                position += 1
            } else {
                value.append(byte)
            }
        }
        guard current == quote else { throw Problem(reason: "its quote is not closed") }
        position += 1
        skip(Self.isBlank)
        guard current == nil || current == Self.feed || current == UInt8(ascii: "#") else {
            throw Problem(reason: "there is something behind its closing quote")
        }
        return value
    }

    private var current: UInt8? { position < text.endIndex ? text[position] : nil }

    private mutating func skip(_ condition: (UInt8) -> Bool) {
        while let byte = current, condition(byte) { position += 1 }
    }

    private static let feed = UInt8(ascii: "\n")
    private static let escapes: [UInt8: UInt8] = [
        UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09, UInt8(ascii: "\""): 0x22,
        UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "$"): 0x24,
    ]

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }

    private static func isName(_ bytes: [UInt8]) -> Bool {
        guard let first = bytes.first, bytes.count <= 256 else { return false }
        func isLetter(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
        }
        return isLetter(first)
            && bytes.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || ".-".utf8.contains($0) }
    }
}
