/// Variables for every session of a sandbox. They may be secrets, so they live in memory alone, and printing them shows
/// their names.
public struct SessionEnvironment: Equatable, Sendable {
    /// Bytes of all entries: one message to the monitor carries them.
    public static let limit = 192 * 1024
    public static let countLimit = 4096

    /// `NAME=value`, without NUL, each name once.
    public private(set) var entries: [[UInt8]] = []

    public init() {}

    /// - Parameter encoded: what `encoded` gave.
    init(encoded: [UInt8]) { entries = encoded.split(separator: 0).map(Array.init).filter { $0.contains(Self.equals) } }

    /// For the monitor's sockets only: entries with a NUL behind each.
    func encoded() -> [UInt8] { entries.flatMap { $0 + [0] } }

    public var names: [String] { entries.map { String(decoding: Self.name($0), as: UTF8.self) } }
    public var isEmpty: Bool { entries.isEmpty }

    /// Adds a variable, in the place of an earlier one of its name.
    /// - Parameter source: begins the sentence of a refusal, which never shows a value.
    /// - Throws: `usage` for what no process can have in its environment, and for too much.
    public mutating func set(_ entry: [UInt8], source: String) throws(ControllerError) {
        let name = Self.name(entry)
        guard !name.isEmpty, name.count < entry.count else {
            throw ControllerError(.usage, "\(source) has no name before its \"=\".")
        }
        let shown = PrintableText.quoted(String(decoding: name.prefix(100), as: UTF8.self))
        guard !entry.contains(0) else {
            throw ControllerError(.usage, "\(source): the variable \(shown) has a NUL byte, which none can have.")
        }
        entries.removeAll { Self.name($0) == name }
        entries.append(entry)
        let size = entries.reduce(0) { $0 + $1.count + 1 }
        guard size <= Self.limit, entries.count <= Self.countLimit, entry.count < 128 * 1024 else {
            throw ControllerError(
                .usage,
                "\(source): with the variable \(shown) there would be more than a sandbox takes: \(Self.countLimit) variables of 128 KiB each and \(Self.limit / 1024) KiB in all."
            )
        }
    }

    private static let equals = UInt8(ascii: "=")
    private static func name(_ entry: [UInt8]) -> ArraySlice<UInt8> { entry.prefix { $0 != equals } }
}

extension SessionEnvironment: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { names.map { PrintableText.escaped($0) + "=…" }.joined(separator: " ") }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["names": names]) }
}
