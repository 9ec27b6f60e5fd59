import Glibc

/// An IPv4 or IPv6 address, of numbers: nothing is looked up.
public struct InternetAddress: Hashable, Sendable, CustomStringConvertible {
    /// 4 or 16, in the network's order.
    private let bytes: [UInt8]

    public static let loopback4 = InternetAddress(bytes: [127, 0, 0, 1])
    public static let loopback6 = InternetAddress(bytes: [UInt8](repeating: 0, count: 15) + [1])

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// - Parameter text: as `inet_pton(3)` takes it: `127.0.0.1`, `::1`. Without brackets and zones.
    public init?(_ text: String) {
        for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
            var bytes = [UInt8](repeating: 0, count: count)
            if inet_pton(family, text, &bytes) == 1 {
                self.bytes = bytes
                return
            }
        }
        return nil
    }

    public var isIPv6: Bool { bytes.count == 16 }

    /// Whether only this machine reaches it.
    public var isLoopback: Bool { isIPv6 ? self == .loopback6 : bytes[0] == 127 }

    public var description: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let base = buffer.baseAddress,
                inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, base, socklen_t(buffer.count)) != nil
            else { return "" }
            return String(cString: base)
        }
    }

    var family: Int32 { isIPv6 ? AF_INET6 : AF_INET }

    /// The address with a port, as `bind(2)` and `connect(2)` take it.
    func withSocketAddress(port: UInt16, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        if isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: bytes) }
            return InternetAddress.pass(&address, call)
        }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        withUnsafeMutableBytes(of: &address.sin_addr) { $0.copyBytes(from: bytes) }
        return InternetAddress.pass(&address, call)
    }

    private static func pass<Address>(
        _ address: inout Address, _ call: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call($0, socklen_t(MemoryLayout<Address>.size)) }
        }
    }
}
