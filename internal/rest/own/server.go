package own

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

// House is the server itself.
type House interface {
	Status(ctx context.Context) (cloudapi.ServerStatus, error)
	// CA is the certificate of the built-in CA, as PEM.
	CA() []byte
	Reach() cloudapi.Reach
	// TestMail mails something to somebody now, or says why not.
	TestMail(ctx context.Context, to string) error
}

// CAPath is where the certificate of the built-in CA can be had.
const CAPath = service + "/server/ca.pem"

func (f *face) mountServer(rt *rest.Router) {
	const tag = "server"
	status := get("/server", tag, "Version, health, sizes and limits")
	status.About = "For those who run the server: owners and admins."
	rest.Handle(rt, status, f.server)
	ca := get("/server/ca.pem", tag, "The certificate of the built-in CA")
	ca.About = "For any account: clients need it to trust this server, and it is no secret. Compare its fingerprint where the way here was not trusted yet."
	rest.Plain(rt, ca, rest.Raw{Gives: "application/x-pem-file"}, f.ca)
	test := post("/server/mail-test", tag, "Mail something to me")
	test.About = "For owners and admins. The answer comes when the mail server has taken the letter, and says why when it has not."
	rest.Handle(rt, test, f.mailTest)
	kits := get("/kits", tag, "What to enter in each kind of client")
	kits.About = "Settings to copy, for the account that asks; secrets are never among them. `GET " + service + "/keys` and `" + service + "/users/me/sessions` tell when a client came for the first time."
	rest.Handle(rt, kits, f.kits)
}

// manages refuses everyone who does not run the server.
func (f *face) manages(ctx context.Context) error {
	return f.Access.Authorize(rest.Actor(ctx), grove.AdminUsers, grove.Resource{})
}

func (f *face) server(ctx context.Context, _ *struct{}) (cloudapi.Data[cloudapi.ServerStatus], error) {
	if err := f.manages(ctx); err != nil {
		return cloudapi.Data[cloudapi.ServerStatus]{}, err
	}
	s, err := f.House.Status(ctx)
	return cloudapi.Of(s), err
}

func (f *face) ca(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("Content-Disposition", `attachment; filename="grove-ca.pem"`)
	_, _ = w.Write(f.House.CA()) // a client that has left is no error of ours
}

func (f *face) mailTest(ctx context.Context, _ *struct{}) (cloudapi.Data[cloudapi.MailTest], error) {
	err := f.manages(ctx)
	if err != nil {
		return cloudapi.Data[cloudapi.MailTest]{}, err
	}
	u, err := f.Access.User(ctx, rest.Actor(ctx))
	if err == nil {
		err = f.House.TestMail(ctx, u.Email)
	}
	return cloudapi.Of(cloudapi.MailTest{To: u.Email}), err
}

func (f *face) kits(ctx context.Context, _ *struct{}) (cloudapi.Data[cloudapi.Kits], error) {
	k := cloudapi.Kits{Reach: f.House.Reach(), MQTTUsername: "u_" + strconv.FormatInt(rest.Actor(ctx).UserID, 10)}
	k.Kits = kitsOf(k)
	return cloudapi.Of(k), nil
}

// caFile is what recipes call the file with the CA's certificate.
const caFile = "grove-ca.pem"

// The secrets that a kit leaves out.
const (
	apiKey     = "api_key"
	password   = "password"
	accessCode = "access_code"
)

// kitsOf are the settings that the recipes in docs/clients.md explain.
func kitsOf(k cloudapi.Kits) []cloudapi.Kit {
	port := strconv.Itoa(k.MQTTPort)
	broker := net.JoinHostPort(k.MQTTHost, port)
	ca := func(name string, needed bool) cloudapi.KitSetting {
		if !needed {
			return cloudapi.KitSetting{}
		}
		return cloudapi.KitSetting{Name: name, Value: caFile}
	}
	names := cloudapi.KitSetting{Name: "hosts", Value: strings.Join(cloudapi.VendorHosts(), " ")}
	web, mqtt := k.HTTPNeedsCA, k.MQTTNeedsCA
	return []cloudapi.Kit{
		kit("curl", apiKey, set("url", k.BaseURL), ca("CURL_CA_BUNDLE", web)),
		kit("python-requests", apiKey, set("base_url", k.BaseURL), ca("REQUESTS_CA_BUNDLE", web)),
		kit("paho", apiKey, set("host", k.MQTTHost), set("port", port), set("username", k.MQTTUsername), ca("SSL_CERT_FILE", mqtt)),
		kit("grove-go", apiKey, set("URL", k.BaseURL), set("MQTT", broker), ca("CA", web || mqtt)),
		kit("home-assistant", password, names, ca("REQUESTS_CA_BUNDLE", true), ca("SSL_CERT_FILE", true)), // by the vendor's names, which the built-in CA alone vouches for
		kit("slicer", password, set("cloud_global_api_host", k.BaseURL), set("cloud_global_web_host", k.BaseURL), set("cloud_global_mqtt_host", k.MQTTHost),
			set("cloud_mqtt_port", port), set("block_cloud", "0"), set("cloud_print", "cloud_only"), ca("ca_file", web || mqtt)),
		kit("lan", accessCode, set("host", k.MQTTHost), set("port", port), set("username", "bblp"), ca("ca_file", mqtt)),
		kit("mqtt.js", apiKey, set("url", "mqtts://"+broker), set("username", k.MQTTUsername), ca("NODE_EXTRA_CA_CERTS", mqtt)),
		kit("mosquitto", apiKey, set("-h", k.MQTTHost), set("-p", port), set("-u", k.MQTTUsername), ca("--cafile", mqtt)),
	}
}

func set(name, value string) cloudapi.KitSetting {
	return cloudapi.KitSetting{Name: name, Value: value}
}

// kit leaves out what is not needed.
func kit(client, secret string, settings ...cloudapi.KitSetting) cloudapi.Kit {
	k := cloudapi.Kit{Client: client, Secret: secret, Settings: []cloudapi.KitSetting{}}
	for _, s := range settings {
		if s.Name != "" {
			k.Settings = append(k.Settings, s)
		}
	}
	return k
}
