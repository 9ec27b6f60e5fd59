import AgentProtocol
import Glibc
import LinuxSystem

/// TCP ports that something listens on, from `/proc/net/tcp` and `tcp6`, which have those first (`tcp_get_idx` of the Linux
/// kernel goes through the listening table before all others).
enum PortReading {
    private static let listening: UInt32 = 0x0A

    static func read() -> [ListeningPort] {
        let text4 = KernelText.prefix(of: "/proc/net/tcp", limit: 64 * 1024)
        let text6 = KernelText.prefix(of: "/proc/net/tcp6", limit: 64 * 1024)
        var ports: [ListeningPort] = []
        // Several sockets may share one (SO_REUSEPORT).
        for port in parse(text4) + parse(text6) where !ports.contains(port) { ports.append(port) }
        ports.sort { ($0.port, $0.address) < ($1.port, $1.address) }
        return Array(ports.prefix(ListeningPort.countLimit))
    }

    /// Lines as `0: 0100007F:1F90 00000000:0000 0A …` below a heading.
    static func parse(_ table: [UInt8]) -> [ListeningPort] {
        var ports: [ListeningPort] = []
        for line in KernelText.lines(table).dropFirst() {
            let words = KernelText.words(line)
            guard words.count > 3, KernelText.hexadecimal(words[3]) == listening else { break }
            let local = words[1].split(separator: UInt8(ascii: ":"))
            guard local.count == 2, let port = KernelText.hexadecimal(local[1]).flatMap({ UInt16(exactly: $0) }),
                let address = address(local[0])
            else { continue }
            ports.append(ListeningPort(port: port, address: address))
        }
        return ports
    }

    /// Words of 32 bits in the machine's order, each of which holds four bytes in the network's.
    private static func address(_ digits: ArraySlice<UInt8>) -> String? {
        guard digits.count == 8 || digits.count == 32 else { return nil }
        var words: [UInt32] = []
        var rest = digits
        while !rest.isEmpty {
            guard let word = KernelText.hexadecimal(rest.prefix(8)) else { return nil }
            words.append(word)
            rest = rest.dropFirst(8)
        }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let base = buffer.baseAddress,
                inet_ntop(words.count == 1 ? AF_INET : AF_INET6, words, base, socklen_t(buffer.count)) != nil
            else { return nil }
            return String(cString: base)
        }
    }
}
