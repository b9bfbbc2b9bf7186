import Glibc

/// `kernels [--rounds N] [NAME...]`: runs the kernels whose names begin so, or all; exit code 1 when one is over its limit.
@main
struct Main {
  static func main() async throws { try await KernelRun.run() }
}

/// Away from `main`, which belongs to the main actor: kernels are not sent between actors.
enum KernelRun {
  static func run() async throws {
    var rounds = 15
    var names: [String] = []
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      if argument == "--rounds" {
        guard let number = arguments.popFirst().flatMap({ Int($0) }), number > 0 else {
          print("usage: kernels [--rounds N] [NAME...]")
          exit(2)
        }
        rounds = number
      } else {
        names.append(argument)
      }
    }
    let kernels = try (columnarKernels() + functionKernels() + parquetKernels() + pipelineKernels() + planningKernels())
      .filter { kernel in names.isEmpty || names.contains { kernel.name.hasPrefix($0) } }
    print(row("kernel", "engine", "loop", "ratio", "limit"))
    var failures = 0
    for kernel in kernels {
      let result = try await kernel.measure(rounds: rounds)
      if !result.isWithinLimit { failures += 1 }
      print(
        row(
          kernel.name, nanoseconds(result.engineNanoseconds), nanoseconds(result.loopNanoseconds), ratio(result.ratio),
          ratio(kernel.limit) + (result.isWithinLimit ? "" : "  OVER")))
    }
    print(failures == 0 ? "\(kernels.count) kernels within their limits" : "\(failures) of \(kernels.count) kernels over their limits")
    if failures > 0 { exit(1) }
  }

  private static func row(_ name: String, _ engine: String, _ loop: String, _ ratio: String, _ limit: String) -> String {
    func right(_ text: String) -> String { String(repeating: " ", count: max(0, 12 - text.count)) + text }
    return name + String(repeating: " ", count: max(1, 44 - name.count)) + right(engine) + right(loop) + right(ratio) + right(limit)
  }

  private static func nanoseconds(_ value: Double) -> String { rounded(value, digits: 3) + " ns" }
  private static func ratio(_ value: Double) -> String { rounded(value, digits: 2) + "x" }

  private static func rounded(_ value: Double, digits: Int) -> String {
    let scale = pow(10, Double(digits))
    let whole = Int((value * scale).rounded())
    let unit = Int(scale)
    let fraction = String(whole % unit)
    return "\(whole / unit)." + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
