/// A kernel made ready for images: unpacked, with the modules that images hold. Lives in `cache/kernels/RELEASE`.
struct CachedKernel: Codable, Equatable {
    /// Grows when what is kept of a kernel changes, so that older cache entries are made again.
    static let currentRecipe = 3
    var recipe = CachedKernel.currentRecipe
    var release: String
    var origin: String
    /// Names, sizes and times of the package files that were asked for; nil when none were.
    var packages: String?
    /// Of `vmlinux`.
    var sha256: String
    /// Names of modules in the order of loading.
    var early: [String]
    var late: [String]
    /// All modules by name.
    var modules: [String: KernelModules.Module]
}
