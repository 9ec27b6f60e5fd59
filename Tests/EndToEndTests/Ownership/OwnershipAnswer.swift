import Foundation
import Testing

/// What scripts read from `fix-ownership --json`.
struct OwnershipAnswer: Decodable {
    struct Problem: Decodable {
        let code: String
        let count: Int
        let examples: [String]
    }

    struct Guest: Decodable {
        let root: String
        let seen: Int
        let changed: Int
        let alreadyRight: Int
        let notFixed: Int
        let bitsCleared: Int
        let calls: Int
        let complete: Bool
        let problems: [Problem]
        let seconds: Double
    }

    let rightByConstruction: Bool
    let right: Bool
    let seen: Int
    let changed: Int
    let alreadyRight: Int
    let notFixed: Int
    let complete: Bool
    let problems: [Problem]
    let seconds: Double
    let guest: [Guest]

    static func decode(_ finished: Finished) throws -> OwnershipAnswer {
        try JSONDecoder().decode(OwnershipAnswer.self, from: Data(finished.output))
    }
}

extension TestSandbox {
    /// Runs `fix-ownership --json`; whatever its exit code, it must have told what it saw.
    func fixOwnership(_ words: String..., within seconds: Double = 120) throws -> OwnershipAnswer {
        let finished = try keystone.agent(["fix-ownership", "--json", name] + words, within: seconds)
        guard finished.code == 0 || finished.code == 1, !finished.output.isEmpty else {
            throw Complaint("fix-ownership \(words): \(finished)")
        }
        return try OwnershipAnswer.decode(finished)
    }
}
