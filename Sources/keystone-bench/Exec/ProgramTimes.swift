/// What running one program takes, by each way. In milliseconds.
struct ProgramTimes {
    /// As run in the guest.
    let words: [String]
    /// For the report.
    let label: String
    /// Through the library, over an open machine.
    var library = Samples()
    /// Spawned and waited for inside the guest, medians of blocks.
    var spawn = Samples()
    var leastSpawn = Double.infinity

    /// - Parameter echo: of a byte through the same device, milliseconds.
    func figures(echo: Samples, ratioTarget: Double) -> [Figure] {
        let base = Figure.Baseline(name: "echo + spawn", value: echo.median + spawn.median)
        // The least of each is what the machine does when nothing else runs on it.
        let least = Figure.Baseline(name: "least echo + least spawn", value: echo.percentile(0) + leastSpawn)
        return [
            Figure(.exec, "\(label), library, p50", "ms", library, baseline: base, target: .ratioAtMost(ratioTarget)),
            Figure(.exec, "… more than the baseline", "ms", library.median - base.value, target: .atMost(2)),
            Figure(.exec, "\(label), library, least", "ms", library.percentile(0), baseline: least),
            Figure(.exec, "\(label), library, p95", "ms", library.percentile(95)),
            Figure(.exec, "\(label), spawn and wait in the guest", "ms", spawn),
        ]
    }
}
