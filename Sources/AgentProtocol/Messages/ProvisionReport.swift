/// How each step of a `ProvisionRequest` went, in the order in which they ran.
public struct ProvisionReport: WireMessage {
    public static let kind = FrameKind.provisionReport

    public enum Outcome: UInt8, CaseIterable, Sendable {
        /// Something was changed.
        case done = 0
        /// All was as it should be.
        case unchanged = 1
        case failed = 2
    }

    public struct Result: Equatable, Sendable {
        public var step: ProvisionStep
        public var outcome: Outcome
        /// A sentence for people: what was done or chosen, or why it failed and what that means. May be empty.
        public var note: String
        public init(_ step: ProvisionStep, _ outcome: Outcome, _ note: String = "") {
            self.step = step
            self.outcome = outcome
            self.note = note
        }
    }

    public static let noteLimit = 1024

    public var results: [Result]

    public init(results: [Result]) { self.results = results }

    /// Each result is one field: step, outcome, then the note's UTF-8.
    public func encode(into writer: inout FieldWriter) {
        for result in results {
            writer.put(1, [result.step.rawValue, result.outcome.rawValue] + ProvisionReport.bounded(result.note))
        }
    }

    public init(decoding payload: UnsafeRawBufferPointer) throws(ProtocolError) {
        results = []
        var reader = FieldReader(payload)
        while let field = try reader.next() {
            guard field.tag == 1 else {
                try FieldReader.skipUnknown(field.tag)
                continue
            }
            let bytes = try field.array(limit: ProvisionReport.noteLimit + 2)
            guard bytes.count >= 2, let outcome = Outcome(rawValue: bytes[1]), !bytes.dropFirst(2).contains(0),
                let note = String(validating: bytes.dropFirst(2), as: UTF8.self), results.count < 64
            else { throw .malformedField(1) }
            // Of a step of a later version nobody here asked for anything.
            if let step = ProvisionStep(rawValue: bytes[0]) { results.append(Result(step, outcome, note)) }
        }
    }

    /// Cut at a character's border, without NUL.
    private static func bounded(_ note: String) -> [UInt8] {
        var bytes: [UInt8] = []
        for character in note {
            let next = Array(String(character).utf8)
            if bytes.count + next.count > noteLimit { break }
            bytes += next.filter { $0 != 0 }
        }
        return bytes
    }
}
