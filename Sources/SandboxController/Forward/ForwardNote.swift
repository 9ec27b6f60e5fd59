/// What is recorded of a forward: its two ends, as `Forward` writes them.
struct ForwardNote: Equatable, Sendable {
    /// Forwards of one client.
    static let limit = 64
    private static let endLimit = 4096

    let host: String
    let guest: String

    var details: [String: EventValue] { ["host": .text(host), "guest": .text(guest)] }

    /// Texts with a NUL behind each, of which there are two for each forward.
    static func encode(_ notes: [ForwardNote]) -> [UInt8] {
        notes.flatMap { Array($0.host.utf8) + [0] + Array($0.guest.utf8) + [0] }
    }

    static func list(_ bytes: [UInt8]) -> [ForwardNote] {
        let texts = bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast().map {
            String(decoding: $0.prefix(endLimit), as: UTF8.self)
        }
        return stride(from: 0, to: min(texts.count - 1, 2 * limit), by: 2).map {
            ForwardNote(host: texts[$0], guest: texts[$0 + 1])
        }
    }
}

/// What a forward has carried.
public struct ForwardCounts: Equatable, Sendable {
    public var connections: UInt64
    public var toGuestBytes: UInt64
    public var toHostBytes: UInt64

    var details: [String: EventValue] {
        [
            "connections": .number(Double(connections)), "toGuestBytes": .number(Double(toGuestBytes)),
            "toHostBytes": .number(Double(toHostBytes)),
        ]
    }

    static func encode(_ counts: [ForwardCounts]) -> String {
        counts.map { "\($0.connections),\($0.toGuestBytes),\($0.toHostBytes)" }.joined(separator: ";")
    }

    static func list(_ text: String) -> [ForwardCounts] {
        text.split(separator: ";").prefix(ForwardNote.limit).compactMap { part in
            let numbers = part.split(separator: ",").compactMap { UInt64($0) }
            guard numbers.count == 3 else { return nil }
            return ForwardCounts(connections: numbers[0], toGuestBytes: numbers[1], toHostBytes: numbers[2])
        }
    }
}
