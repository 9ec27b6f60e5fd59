import FoundationEssentials
import Glibc
import LinuxSystem

/// Makes the minimal image: the distribution's kernel, and an initramfs with the guest agent as PID 1, busybox, and any
/// programs of the host that were asked for. The same inputs give the same image, and asking again does no work.
public struct MinimalImageBuilder: Sendable {
    public static let defaultName = "minimal"
    /// Grows when the same inputs would give another image.
    static let recipe = 2
    static let agentPlace = "/sbin/keystone-guest-agent"

    let store: ImageStore
    let progress: any ProgressReporter
    /// Where to look for the agent, busybox and kernels; changed by tests.
    var inputs: MinimalImageInputs

    public init(
        store: ImageStore, progress: any ProgressReporter = SilentProgress(),
        inputs: MinimalImageInputs = MinimalImageInputs(environment: ProcessInfo.processInfo.environment)
    ) {
        self.store = store
        self.progress = progress
        self.inputs = inputs
    }

    /// - Parameters:
    ///   - include: programs of the host by name or path.
    ///   - name: the image's name and tag.
    ///   - refreshKernel: look for a newer kernel package although one is cached.
    /// - Throws: `imageBuildFailed`, `missingProgram`, `busy`, `noSpace`; nothing is left behind then.
    public func build(
        include: [String] = [], name: String = MinimalImageBuilder.defaultName, refreshKernel: Bool = false
    ) throws(ControllerError) -> Image {
        try SandboxName.validate(name)
        let lock = try ImageLock(folder: store.folder)
        store.sweep()
        progress.stage("collecting programs")
        var tree = try inputs.plan(include: include)
        let cache = KernelCache(
            folder: store.directory.cacheFolder + "/kernels", progress: progress, packages: inputs.kernelPackages,
            hostRoot: inputs.hostRoot)
        let (kernel, kernelFolder) = try cache.obtain(refresh: refreshKernel)
        try GuestKernel.add(kernel, from: kernelFolder, to: &tree)

        let key = SHA256.hexadecimal(
            "\(Self.recipe)\n\(name)\n\(kernel.release)\n\(kernel.sha256)\n\(tree.fingerprint)\n\(include)".utf8)
        var index = ImageIndex.load(store.indexFile)
        let image: Image
        if let id = index.inputs[key], let known = try? store.find(id), (try? store.verify(known)) != nil {
            image = known
        } else {
            image = try make(name, include, tree, kernel, kernelFolder)
        }
        if index.inputs[key] != image.id || index.tags[name] != image.id {
            index.inputs[key] = image.id
            index.tags[name] = image.id
            try index.save(store.indexFile)
        }
        _ = consume lock
        return image
    }

    private func make(
        _ name: String, _ include: [String], _ tree: InitramfsTree, _ kernel: CachedKernel, _ kernelFolder: String
    ) throws(ControllerError) -> Image {
        progress.stage("writing the image")
        let work = try store.makeWorkFolder()
        defer { PrivateFiles.remove(work) }
        // The cache's kernel is never written to, so the image may share it; another file system needs a copy.
        if link(kernelFolder + "/vmlinux", work + "/vmlinux") != 0 {
            try PrivateFiles.copy(kernelFolder + "/vmlinux", to: work + "/vmlinux")
        }
        let initrd: (sha256: String, size: Int)
        do throws(SystemError) {
            let file = try FileDescriptor.open(work + "/initramfs.cpio", O_WRONLY | O_CREAT | O_EXCL)
            var archive = CpioArchive(writingTo: file)
            try tree.write(to: &archive)
            initrd = try archive.finish()
        } catch {
            throw error.told("Cannot write the image", as: .imageBuildFailed)
        }
        progress.detail("the initramfs has \(initrd.size >> 20) MiB")
        var manifest = ImageManifest(
            name: name, architecture: "x86_64", kernel: .init(path: "vmlinux", sha256: kernel.sha256),
            initrd: .init(path: "initramfs.cpio", sha256: initrd.sha256), commandLine: Self.commandLine, disks: [],
            features: (["agent", "busybox"] + include.map(\.lastPathPart)).sorted(),
            description: "Linux \(kernel.release) (\(kernel.origin)), busybox, keystone-guest-agent", id: "")
        manifest.id = manifest.computedID
        try store.publish(work, manifest)
        return Image(folder: store.folder + "/" + manifest.id, manifest: manifest)
    }

    /// Self-tests that cost a tenth of the boot under TCG: `cryptomgr.notests` leaves out those of the crypto modules
    /// (shared/MEASURED.md), and `crypto_kdf108_init` is nothing but one (crypto/kdf_sp800108.c, 90 ms of 1,770).
    static let commandLine = ["rdinit=/init", "cryptomgr.notests", "initcall_blacklist=crypto_kdf108_init"]
}
