import Foundation

/// What is happening, on stderr: stdout is for the table.
enum BenchLog {
    static func write(_ text: String) {
        FileHandle.standardError.write(Data("keystone-bench: \(text)\n".utf8))
    }
}

/// Why something could not be measured: one sentence.
struct BenchError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
