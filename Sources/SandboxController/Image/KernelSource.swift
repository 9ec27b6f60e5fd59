import FoundationEssentials
import Glibc
import LinuxSystem

/// A kernel with its modules as a distribution ships it.
struct KernelSource {
    /// Such as `6.1.0-56-amd64`.
    let release: String
    /// The bzImage.
    let kernelFile: String
    /// `…/lib/modules/RELEASE`.
    let modulesFolder: String
    /// For people: where it comes from.
    let origin: String

    /// Kernels in an unpacked package or on the host itself, newest first.
    static func all(under root: String, origin: String) -> [KernelSource] {
        let boot = root + "/boot"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: boot)) ?? []
        let releases = names.filter { $0.hasPrefix("vmlinuz-") }.map { String($0.dropFirst("vmlinuz-".count)) }
        return releases.sorted { $1.isOlderVersion(than: $0) }.compactMap { release in
            let folders = ["/lib/modules/", "/usr/lib/modules/"].map { root + $0 + release }
            guard let folder = folders.first(where: { access($0, R_OK) == 0 }) else { return nil }
            return KernelSource(
                release: release, kernelFile: boot + "/vmlinuz-" + release, modulesFolder: folder, origin: origin)
        }
    }
}

/// Fetches the distribution's kernel package without installing it, which needs no root.
struct KernelPackages {
    /// Packages that depend on the newest general kernel. Never a *cloud* kernel: it has no 9p.
    private static let metapackages = ["linux-image-amd64", "linux-image-generic"]

    let folder: String
    let progress: any ProgressReporter
    let deadline: Deadline

    /// Downloads into `folder`. - Returns: the package files.
    func download() throws(ControllerError) -> [String] {
        guard let apt = ProgramPath.locate("apt-get"), let cache = ProgramPath.locate("apt-cache") else {
            throw ControllerError(.missingProgram, "there is no apt-get on this host")
        }
        var names: [String] = []
        for metapackage in Self.metapackages where names.isEmpty {
            names = try dependencies(of: metapackage, cache).filter(isKernelPackage)
            for name in names where name.hasPrefix("linux-image-") {
                names += try dependencies(of: name, cache).filter { $0.hasPrefix("linux-modules-") }
            }
        }
        guard !names.isEmpty else {
            throw ControllerError(
                .missingProgram, "apt knows no package \(Self.metapackages[0]) (is its list up to date?)")
        }
        progress.stage("downloading the kernel package \(names[0])")
        var runner = ProgramRunner(path: apt, arguments: ["-q", "download"] + names)
        runner.directory = folder
        let outcome = try runner.run(deadline: deadline)
        let files = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter {
            $0.hasSuffix(".deb")
        }
        if outcome.ranOutOfSpace { throw Self.diskFull }
        guard outcome.succeeded, !files.isEmpty else {
            throw ControllerError(
                .missingProgram, "apt-get download \(names.joined(separator: " ")) failed: \(outcome.lastError)")
        }
        return files.sorted().map { folder + "/" + $0 }
    }

    private static let diskFull = ControllerError(
        .noSpace, "The disk is full: unpacking a kernel package takes about 500 MiB for a moment.",
        advice: "Free some space and try again.")

    /// Unpacks package files. - Returns: the newest kernel in them.
    func unpack(_ packages: [String]) throws(ControllerError) -> KernelSource {
        guard let program = ProgramPath.locate("dpkg-deb") else {
            throw ControllerError(.missingProgram, "there is no dpkg-deb on this host")
        }
        progress.stage("unpacking the kernel package")
        for package in packages {
            let outcome = try ProgramRunner(path: program, arguments: ["-x", package, folder]).run(deadline: deadline)
            if outcome.ranOutOfSpace { throw Self.diskFull }
            guard outcome.succeeded else {
                throw ControllerError(
                    .imageBuildFailed,
                    "dpkg-deb cannot unpack \(PrintableText.escaped(package)): \(outcome.lastError)")
            }
        }
        let origin = packages.map(\.lastPathPart).joined(separator: ", ")
        guard let source = KernelSource.all(under: folder, origin: origin).first else {
            throw ControllerError(.imageBuildFailed, "\(PrintableText.escaped(origin)) holds no kernel")
        }
        return source
    }

    private func isKernelPackage(_ name: String) -> Bool {
        guard !name.contains("cloud") else { return false }
        return ["linux-image-", "linux-modules-", "linux-modules-extra-"].contains { prefix in
            name.hasPrefix(prefix) && name.dropFirst(prefix.count).first?.isNumber == true
        }
    }

    /// `apt-cache depends` prints one `Depends: NAME` a line, alternatives with a `|` before all but the last.
    private func dependencies(of package: String, _ program: String) throws(ControllerError) -> [String] {
        let outcome = try ProgramRunner(path: program, arguments: ["depends", package]).run(deadline: deadline)
        var names: [String] = []
        var alternative = false
        for line in outcome.text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count >= 2, words[0].hasSuffix("Depends:"), !words[0].contains("PreDepends") else { continue }
            if !alternative { names.append(String(words[1])) }
            alternative = words[0].hasPrefix("|")
        }
        return names
    }
}
