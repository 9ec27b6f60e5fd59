import Testing

/// The built programs and real virtual machines. One test at a time: there are two processors and each machine wants both.
@Suite(.serialized) struct EndToEnd {}
