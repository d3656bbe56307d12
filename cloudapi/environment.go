package cloudapi

import (
	"net/url"
	"strings"

	"github.com/grovecloud/grove"
)

// Environment is a place where the Cloud API is served: base URLs of its API and
// website, and its MQTT broker as host:port.
type Environment struct {
	Name string
	API  string
	Web  string
	MQTT string // empty: nobody has published it
}

// Environments are the vendor's, as its slicer's sources and OpenBambuAPI name
// them. The MQTT brokers of qa, pre and pre-us are in no public source.
func Environments() []Environment {
	return []Environment{
		{"global", "https://api.bambulab.com", "https://bambulab.com", "us.mqtt.bambulab.com:8883"},
		{"china", "https://api.bambulab.cn", "https://bambulab.cn", "cn.mqtt.bambulab.com:8883"},
		{"dev", "https://api-dev.bambulab.net", "", "dev.mqtt.bambu-lab.com:8883"},
		{"qa", "https://api-qa.bambulab.net", "", ""},
		{"pre", "https://api-pre.bambulab.net", "", ""},
		{"pre-us", "https://api-pre-us.bambulab.net", "", ""},
	}
}

// VendorHosts are the names at which programs look for the vendor's cloud, for a
// server that is to be found there. Its brokers have names below *.mqtt, and one
// client has the Chinese one below bambulab.cn.
func VendorHosts() []string {
	hosts := []string{"*.mqtt.bambulab.com", "*.mqtt.bambulab.cn", "cn.mqtt.bambulab.cn"}
	for _, e := range Environments() {
		for _, place := range []string{e.API, e.Web, "mqtts://" + e.MQTT} {
			if u, err := url.Parse(place); err == nil && u.Hostname() != "" {
				hosts = append(hosts, u.Hostname())
			}
		}
	}
	return hosts
}

// LookupEnvironment finds an environment by its name, or says which there are.
func LookupEnvironment(name string) (Environment, error) {
	var names []string
	for _, e := range Environments() {
		if strings.EqualFold(e.Name, name) {
			return e, nil
		}
		names = append(names, e.Name)
	}
	return Environment{}, grove.Errorf(grove.Invalid, "unknown_environment",
		"there is no environment %q; there are %s, or give a base URL of your own", name, strings.Join(names, ", "))
}

// Broker is the MQTT broker as host:port, or an error where no public source
// names it: a guess would send a password to strangers.
func (e Environment) Broker() (string, error) {
	if e.MQTT == "" {
		return "", grove.Errorf(grove.Invalid, "unknown_broker",
			"nobody has published the MQTT broker of the environment %q; name one yourself", e.Name)
	}
	return e.MQTT, nil
}
