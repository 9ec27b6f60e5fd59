import Dispatch
import Foundation
import LinuxSystem

/// The same work many times, in a few threads.
enum Lanes {
    /// Runs `body` with 0 ..< `count`.
    /// - Returns: what went wrong, at most the first ten of it.
    static func run(_ count: Int, lanes: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws -> [String] {
        let ledger = Ledger(count: count)
        let group = DispatchGroup()
        for lane in 0..<min(lanes, count) {
            group.enter()
            try LinuxSystem.Thread.start(name: "lane-\(lane)", stackKibibytes: 1024) {
                defer { group.leave() }
                while let next = ledger.take() {
                    do { try body(next) } catch { ledger.complain("\(next): \(error)") }
                }
            }
        }
        group.wait()
        return ledger.complaints
    }

    private final class Ledger: @unchecked Sendable {
        private let lock = NSLock()
        private var next = 0
        private let count: Int
        private var list: [String] = []

        init(count: Int) { self.count = count }

        func take() -> Int? {
            lock.withLock {
                guard next < count, list.count < 10 else { return nil }
                next += 1
                return next - 1
            }
        }

        func complain(_ text: String) { lock.withLock { if list.count < 10 { list.append(text) } } }
        var complaints: [String] { lock.withLock { list } }
    }
}
