/// Where long work says what it is doing. Called on whatever thread the work runs on.
public protocol ProgressReporter: Sendable {
    /// A stage begins; the one before it has ended. A few words in the present participle ("booting the kernel").
    func stage(_ text: String)
    /// Something the user should know that is not a failure: one sentence.
    func warning(_ text: String)
    /// A detail for `--verbose`.
    func detail(_ text: String)
}

/// Says nothing.
public struct SilentProgress: ProgressReporter {
    public init() {}
    public func stage(_ text: String) {}
    public func warning(_ text: String) {}
    public func detail(_ text: String) {}
}
