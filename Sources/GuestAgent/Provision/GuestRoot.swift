/// The root directory of the guest that is provisioned: `/`, or a folder with another system in it.
struct GuestRoot: Equatable, Sendable {
    static let own = GuestRoot("/")

    private let prefix: String

    /// - Parameter path: absolute.
    init(_ path: String) { prefix = path == "/" ? "" : path }

    /// Whether it is the root of the machine that the agent runs on, whose clock and name then are the guest's.
    var isOwn: Bool { prefix.isEmpty }

    /// Where the guest's absolute `path` is.
    func callAsFunction(_ path: String) -> String { prefix + path }
}
