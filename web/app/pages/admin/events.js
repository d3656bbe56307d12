// What a webhook can be told of, in groups; a test holds it against the server's list.
export const events = {
  prints: ["print.started", "print.completed", "print.failed", "printer.plate_to_clear", "printer.plate_cleared"],
  printers: ["device.online", "device.offline", "printer.error", "printer.quarantined", "printer.heat_ending", "printer.heat_off", "printer.storage_left"],
  jobs: ["job.queued", "job.waiting", "job.changed", "job.started", "job.finished", "job.failed", "job.cancelled", "job.expired", "job.unknown"],
  others: ["bridge.connected", "bridge.disconnected", "notification.created", "notification.settled"],
};
