package bambu

// Connected is what the vendor's cloud says on a printer's report topic when the
// printer has connected. Clients read event.event alone (ha-bambulab, BambuStudio).
func Connected(serial string) []byte {
	b := append([]byte(nil), `{"event":{"event":"client.connected","disconnected_at":"","clientid":`...)
	return append(appendQuoted(b, serial), "}}"...)
}

// Disconnected is what it says when the printer is gone; reason is a word such as
// keepalive_timeout.
func Disconnected(serial, reason string) []byte {
	b := append([]byte(nil), `{"event":{"event":"client.disconnected","reason":`...)
	b = append(appendQuoted(b, reason), `,"clientid":`...)
	return append(appendQuoted(b, serial), "}}"...)
}
