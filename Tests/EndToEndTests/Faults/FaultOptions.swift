import Foundation

/// What `Tests/faults` asks for, by way of the environment.
enum FaultOptions {
    private static let environment = ProcessInfo.processInfo.environment

    /// `KEYSTONE_FAULTS`: `all`, or cells such as `idle:hang stop:device`; without it the dozen that CI runs.
    static let cells: [FaultCell] = {
        let all = FaultCell.all.filter { $0.senseless == nil }
        guard let text = environment["KEYSTONE_FAULTS"], !text.isEmpty else { return FaultCell.short }
        let names = Set(text.split(separator: " ").map(String.init))
        return text == "all" ? all : all.filter { names.contains($0.testDescription) }
    }()

    /// `KEYSTONE_FAULT_ROUNDS`: of random kills.
    static let rounds = environment["KEYSTONE_FAULT_ROUNDS"].flatMap { Int($0) } ?? 10

    /// `KEYSTONE_FAULT_SEED`: of their instants and victims; printed, so that a run can be had again.
    static let seed = environment["KEYSTONE_FAULT_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...1 << 32)
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the same numbers for the same seed on every machine.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
