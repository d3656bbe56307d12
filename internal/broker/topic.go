package broker

import "strings"

// maxTopic is the longest topic or filter, in bytes.
const maxTopic = 256

// The topics of a printer (OpenBambuAPI, mqtt.md). The vendor's open cloud
// documentation also names printer/<id>/command for requests.
const (
	devicePrefix  = "device/"
	aliasPrefix   = "printer/"
	reportSuffix  = "/report"
	requestSuffix = "/request"
	aliasSuffix   = "/command"
)

// reported is the printer whose reports the topic carries.
func reported(topic string) (serial string, ok bool) {
	return between(topic, devicePrefix, reportSuffix)
}

// requested is the printer whose requests the topic carries.
func requested(topic string) (serial string, ok bool) {
	if serial, ok = between(topic, devicePrefix, requestSuffix); ok {
		return serial, true
	}
	return between(topic, aliasPrefix, aliasSuffix)
}

// watched reads a client's topic filter: the reports of one printer, or of all
// that the client may see. Others are not known.
func watched(filter string) (serial string, all, ok bool) {
	switch filter {
	case "#", "device/#", "device/+/report":
		return "", true, true
	}
	serial, ok = reported(filter)
	return serial, false, ok
}

func between(topic, prefix, suffix string) (serial string, ok bool) {
	if len(topic) > maxTopic || len(topic) <= len(prefix)+len(suffix) {
		return "", false
	}
	if !strings.HasPrefix(topic, prefix) || !strings.HasSuffix(topic, suffix) {
		return "", false
	}
	serial = topic[len(prefix) : len(topic)-len(suffix)]
	return serial, !strings.ContainsAny(serial, "/+#\x00")
}
