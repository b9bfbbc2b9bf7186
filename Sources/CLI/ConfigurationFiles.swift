import Frazil

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension CommandOptions {
  /// Adds what the files `frazil.toml` say and the command line does not: the one beside the first script, or in the current folder, then
  /// the user's.
  mutating func readConfigurationFiles() throws(UsageError) {
    for path in configurationPaths {
      guard let bytes = readFile(path) else {
        if errno == ENOENT || errno == ENOTDIR { continue }
        throw UsageError(message: "cannot read \(path): \(String(cString: strerror(errno)))")
      }
      guard let text = String(validating: bytes, as: UTF8.self) else { throw UsageError(message: "cannot read \(path): it is not UTF-8 text") }
      do { try ConfigurationFile(text, path: path).complete(&configuration) } catch {
        throw UsageError(message: error.message + (error.hint.map { " (\($0))" } ?? ""))
      }
    }
  }

  private var configurationPaths: [String] {
    var folder = ""
    if case .scripts(let paths) = action, let script = paths.first, let slash = script.lastIndex(of: "/") {
      folder = String(script[...slash])
    }
    func variable(_ name: String) -> String? { configuration.environment[name].flatMap { $0.isEmpty ? nil : $0 } }
    let settings = variable("XDG_CONFIG_HOME") ?? variable("HOME").map { $0 + "/.config" }
    return [folder + ConfigurationFile.name] + (settings.map { ["\($0)/frazil/\(ConfigurationFile.name)"] } ?? [])
  }
}
