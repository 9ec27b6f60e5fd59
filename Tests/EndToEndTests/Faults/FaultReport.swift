import Foundation
import Glibc

/// What became of each cell, as a table with counts.
final class FaultReport: @unchecked Sendable {
    enum Verdict: Sendable { case passed, failed }

    static let shared = FaultReport()
    private let lock = NSLock()
    private var verdicts: [FaultCell: Verdict] = [:]
    private var seconds = 0.0

    /// At once, on standard error: whoever waits half an hour wants to see how it goes.
    static func say(_ text: String) {
        let bytes = Array((text + "\n").utf8)
        _ = write(2, bytes, bytes.count)
    }

    /// - Returns: how many there are now.
    func note(_ cell: FaultCell, _ verdict: Verdict, seconds: Double) -> Int {
        lock.withLock {
            verdicts[cell] = verdict
            self.seconds += seconds
            return verdicts.count
        }
    }

    /// `+` passed, `!` failed, `-` makes no sense (reasons below), `.` was not run.
    var table: String {
        lock.withLock {
            let width = Fault.allCases.map(\.title.count).max() ?? 0
            let phases = Phase.allCases
            var text = "".padding(toLength: width, withPad: " ", startingAt: 0)
            text += phases.map { "  " + $0.title }.joined() + "\n"
            for fault in Fault.allCases {
                text += fault.title.padding(toLength: width, withPad: " ", startingAt: 0)
                for phase in phases {
                    let mark = mark(FaultCell(phase: phase, fault: fault))
                    text += "  " + mark.padding(toLength: phase.title.count, withPad: " ", startingAt: 0)
                }
                text += "\n"
            }
            let senseless = FaultCell.all.filter { $0.senseless != nil }
            let failed = verdicts.filter { $0.value == .failed }.map(\.key.testDescription).sorted()
            let left = FaultCell.all.count - senseless.count - verdicts.count
            text += "\(FaultCell.all.count) cells: \(verdicts.count - failed.count) passed, \(failed.count) failed"
            text += ", \(left) not run, \(senseless.count) make no sense; \(Int(seconds)) s\n"
            if !failed.isEmpty { text += "failed: \(failed.joined(separator: " "))\n" }
            for (reason, cells) in Dictionary(grouping: senseless, by: { $0.senseless ?? "" }).sorted(by: {
                $0.key < $1.key
            }) {
                text += "- \(cells.map(\.testDescription).joined(separator: " ")): \(reason)\n"
            }
            return text
        }
    }

    private func mark(_ cell: FaultCell) -> String {
        switch verdicts[cell] {
        case .passed: "+"
        case .failed: "!"
        case nil: cell.senseless == nil ? "." : "-"
        }
    }
}
