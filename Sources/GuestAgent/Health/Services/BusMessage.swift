/// The little of D-Bus' wire format that listing systemd's units takes ("D-Bus Specification", Message Protocol): method calls
/// with strings and lists of strings out, headers and bodies in. Little-endian both ways, as systemd on x86 and ARM has it.
enum BusMessage {
    static let callKind: UInt8 = 1
    static let replyKind: UInt8 = 2
    static let errorKind: UInt8 = 3
    static let signalKind: UInt8 = 4

    enum Argument {
        case text(String)
        case list([String])

        var signature: String {
            switch self {
            case .text: "s"
            case .list: "as"
            }
        }
    }

    /// A method call to systemd's manager object.
    static func call(serial: UInt32, interface: String, member: String, _ arguments: [Argument]) -> [UInt8] {
        var body = BusWriter()
        for argument in arguments {
            switch argument {
            case .text(let text): body.put(text)
            case .list(let texts): body.put(texts)
            }
        }
        var fields = BusWriter()
        fields.putField(1, "o", "/org/freedesktop/systemd1")
        fields.putField(2, "s", interface)
        fields.putField(3, "s", member)
        fields.putField(6, "s", "org.freedesktop.systemd1")
        let signature = arguments.map(\.signature).joined()
        if !signature.isEmpty { fields.putSignatureField(8, signature) }
        var message = BusWriter()
        message.bytes = [UInt8(ascii: "l"), callKind, 0, 1]
        message.put(UInt32(body.bytes.count))
        message.put(serial)
        message.put(UInt32(fields.bytes.count))
        message.bytes += fields.bytes
        message.align(8)
        return message.bytes + body.bytes
    }
}

/// Builds what goes out. Alignment counts from the beginning, so parts are built on multiples of eight.
struct BusWriter {
    var bytes: [UInt8] = []

    mutating func align(_ to: Int) { while bytes.count % to != 0 { bytes.append(0) } }

    mutating func put(_ value: UInt32) {
        align(4)
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func put(_ text: String) {
        put(UInt32(text.utf8.count))
        bytes += Array(text.utf8) + [0]
    }

    mutating func put(_ texts: [String]) {
        put(UInt32(0))
        let start = bytes.count
        for text in texts { put(text) }
        let length = UInt32(bytes.count - start)
        withUnsafeBytes(of: length.littleEndian) { bytes.replaceSubrange((start - 4)..<start, with: $0) }
    }

    /// A header field: its code and a variant.
    mutating func putField(_ code: UInt8, _ signature: String, _ text: String) {
        align(8)
        bytes += [code, 1] + Array(signature.utf8) + [0]
        put(text)
    }

    mutating func putSignatureField(_ code: UInt8, _ signature: String) {
        align(8)
        bytes += [code, 1, UInt8(ascii: "g"), 0, UInt8(signature.utf8.count)] + Array(signature.utf8) + [0]
    }
}

/// Reads what comes in; nil for whatever is not as it should be.
struct BusReader {
    let bytes: [UInt8]
    var position = 0

    init(_ bytes: [UInt8], from position: Int = 0) {
        self.bytes = bytes
        self.position = position
    }

    mutating func align(_ to: Int) { position = (position + to - 1) / to * to }

    mutating func byte() -> UInt8? {
        guard position < bytes.count else { return nil }
        defer { position += 1 }
        return bytes[position]
    }

    mutating func uint32() -> UInt32? {
        align(4)
        guard position + 4 <= bytes.count else { return nil }
        defer { position += 4 }
        return bytes[position..<(position + 4)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    mutating func text() -> String? {
        guard let length = uint32(), Int(length) < bytes.count - position else { return nil }
        defer { position += Int(length) + 1 }
        return String(decoding: bytes[position..<(position + Int(length))], as: UTF8.self)
    }
}
