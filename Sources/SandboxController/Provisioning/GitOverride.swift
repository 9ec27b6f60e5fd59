/// Who commits in a sandbox, as somebody said it: each of the two may be left open.
public struct GitOverride: Equatable, Sendable {
    public var name: String?
    public var email: String?

    public init(name: String? = nil, email: String? = nil) {
        self.name = name
        self.email = email
    }

    /// Whatever is open here is taken from `other`.
    func filled(from other: GitOverride) -> GitOverride {
        GitOverride(name: name ?? other.name, email: email ?? other.email)
    }
}
