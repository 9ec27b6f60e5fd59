import Foundation
import Glibc

/// What a process of this host holds, from `/proc` (proc(5)).
struct ProcessFigures: CustomStringConvertible {
    let descriptors: Int
    let threads: Int
    /// Anonymous memory that is resident: what a leak grows.
    let anonymousKibibytes: Int
    let children: Int
    let zombies: Int

    init(_ process: pid_t) throws {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").count
        threads = ProcessFigures.field("Threads", status)
        anonymousKibibytes = ProcessFigures.field("RssAnon", status)
        let children = Traces.processNumbers().compactMap { number -> String? in
            guard let text = try? String(contentsOfFile: "/proc/\(number)/status", encoding: .utf8) else { return nil }
            return ProcessFigures.field("PPid", text) == Int(process) ? text : nil
        }
        self.children = children.count
        zombies = children.filter { $0.contains("State:\tZ") }.count
    }

    /// The number behind a field of a `status` file, or -1.
    static func field(_ name: String, _ text: String) -> Int {
        for line in text.split(separator: "\n") where line.hasPrefix(name + ":") {
            return line.dropFirst(name.count + 1).split(whereSeparator: { $0 == " " || $0 == "\t" }).first.flatMap {
                Int($0)
            } ?? -1
        }
        return -1
    }

    var description: String {
        "\(descriptors) descriptors, \(threads) threads, \(anonymousKibibytes) KiB, \(children) children, \(zombies) zombies"
    }
}
