/// One line of the report.
struct Figure {
    /// What the figure is held against.
    enum Target {
        /// Value ÷ baseline.
        case ratioAtMost(Double)
        case ratioAtLeast(Double)
        /// The value itself, in its unit.
        case atMost(Double)
        case atLeast(Double)
    }

    struct Baseline {
        let name: String
        /// In the figure's unit.
        let value: Double
    }

    let topic: Topic
    let name: String
    let unit: String
    let value: Double
    /// The least of the samples, and their first and third quartile; equal to the value where there is only one.
    var least: Double
    var low: Double
    var high: Double
    var samples: Int
    var baseline: Baseline?
    var target: Target?

    init(
        _ topic: Topic, _ name: String, _ unit: String, _ value: Double, baseline: Baseline? = nil,
        target: Target? = nil
    ) {
        self.topic = topic
        self.name = name
        self.unit = unit
        self.value = value
        (least, low, high, samples) = (value, value, value, 1)
        self.baseline = baseline
        self.target = target
    }

    /// The median of samples, with their quartiles.
    init(
        _ topic: Topic, _ name: String, _ unit: String, _ samples: Samples, baseline: Baseline? = nil,
        target: Target? = nil
    ) {
        self.init(topic, name, unit, samples.median, baseline: baseline, target: target)
        (least, low, high) = (samples.percentile(0), samples.percentile(25), samples.percentile(75))
        self.samples = samples.count
    }

    var ratio: Double? { baseline.flatMap { $0.value > 0 ? value / $0.value : nil } }

    /// nil where there is nothing to hold it against.
    var isMet: Bool? {
        switch target {
        case nil: nil
        case .ratioAtMost(let limit): ratio.map { $0 <= limit }
        case .ratioAtLeast(let limit): ratio.map { $0 >= limit }
        case .atMost(let limit): value <= limit
        case .atLeast(let limit): value >= limit
        }
    }
}
