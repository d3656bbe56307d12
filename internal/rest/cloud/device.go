package cloud

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountDevice(rt *rest.Router) {
	const at = iotService + "/user/device"
	rest.Handle(rt, get(at+"/info", tagDevice, "One printer with what it last said"), f.deviceInfo)
	rest.Handle(rt, op(http.MethodPatch, at+"/info", tagDevice, "Rename a printer"), f.rename)
	rest.Handle(rt, get(at+"/version", tagDevice, "What one printer runs, or all of them"), f.versions)
	camera := post(iotService+"/user/ttcode", tagDevice, "Camera stream of the vendor; always empty here")
	camera.About = "The stream is a closed peer-to-peer service of the vendor. Every field is empty, which clients show as no camera."
	rest.Handle(rt, camera, f.ttcode)
}

// deviceInput names one printer in either of the two ways that clients use.
type deviceInput struct {
	DeviceID string `query:"device_id"`
	DevID    string `query:"dev_id"`
}

func (in *deviceInput) serial() string { return firstText(in.DeviceID, in.DevID) }

// ask counts the question and looks the printer up.
func (f *face) ask(ctx context.Context, serial string) (grove.Live, error) {
	if err := rest.CountStatus(ctx, serial); err != nil {
		return grove.Live{}, err
	}
	return f.Fleet.Live(ctx, rest.Actor(ctx), serial)
}

func (f *face) deviceInfo(ctx context.Context, in *deviceInput) (cloudapi.DeviceInfo, error) {
	serial := in.serial()
	if err := rest.Need("device_id", serial); err != nil {
		return cloudapi.DeviceInfo{}, err
	}
	live, err := f.ask(ctx, serial)
	device := deviceOf(&live)
	return cloudapi.DeviceInfo{
		Envelope: cloudapi.Success(), Device: device, Data: deviceData(&live), Bind: []cloudapi.Device{device},
	}, err
}

func deviceData(p *grove.Live) cloudapi.DeviceInfoData {
	device, s := deviceOf(p), p.Shadow
	status := "offline"
	if device.Online {
		status = "online"
	}
	return cloudapi.DeviceInfoData{
		DeviceID: p.Serial, DeviceName: p.Name, Model: firstText(device.ProductName, p.Model), Status: status,
		PrintStatus: device.PrintStatus, FirmwareVersion: p.Firmware,
		NozzleTemp: s.NozzleCelsius, NozzleTarget: s.NozzleTargetCelsius, BedTemp: s.BedCelsius, BedTarget: s.BedTargetCelsius,
		ChamberTemp: s.ChamberCelsius, Progress: s.Percent, TimeRemaining: s.RemainingSeconds,
		Layer: s.Layer, TotalLayers: s.TotalLayers, LastSeen: timestamp(p.LastSeenAt),
	}
}

type renameInput struct {
	Body cloudapi.DeviceRename
}

func (f *face) rename(ctx context.Context, in *renameInput) (cloudapi.Envelope, error) {
	if err := rest.Need("dev_id", in.Body.DeviceID, "dev_name", in.Body.Name); err != nil {
		return cloudapi.Envelope{}, err
	}
	_, err := f.Fleet.Change(ctx, rest.Actor(ctx), in.Body.DeviceID, fleet.Change{Name: &in.Body.Name})
	return cloudapi.Success(), err
}

func (f *face) versions(ctx context.Context, in *deviceInput) (cloudapi.Versions, error) {
	serial := in.serial()
	if serial == "" {
		return f.allVersions(ctx)
	}
	live, err := f.ask(ctx, serial)
	if err != nil {
		return cloudapi.Versions{}, err
	}
	v, err := f.versionOf(ctx, &live)
	return cloudapi.Versions{
		Envelope: cloudapi.Success(), Devices: []cloudapi.DeviceVersion{v},
		Data: &cloudapi.VersionSummary{CurrentVersion: v.Version, LatestVersion: v.Version},
	}, err
}

func (f *face) allVersions(ctx context.Context) (cloudapi.Versions, error) {
	list, err := f.Fleet.Printers(ctx, rest.Actor(ctx), grove.Page{})
	out := cloudapi.Versions{Envelope: cloudapi.Success(), Devices: []cloudapi.DeviceVersion{}}
	for i := range list.Items {
		v, err := f.versionOf(ctx, &list.Items[i])
		if err != nil {
			return out, err
		}
		out.Devices = append(out.Devices, v)
	}
	return out, err
}

// noNewVersion is how a printer's upgrade state says that there is none
// (BambuStudio).
const noNewVersion = 2

// versionOf is what a printer runs. This server knows of no newer firmware.
func (f *face) versionOf(ctx context.Context, p *grove.Live) (cloudapi.DeviceVersion, error) {
	said, err := f.Fleet.Versions(ctx, rest.Actor(ctx), p.Serial)
	trays := f.trays(ctx, p.Serial)
	version := firstText(said.Firmware, p.Firmware)
	out := cloudapi.DeviceVersion{
		DeviceID: p.Serial, Name: p.Name, ModelName: p.Model, Version: version,
		Firmware: []cloudapi.Firmware{}, OTA: cloudapi.OTA{Version: version, NewVersionState: noNewVersion},
		AMS: []cloudapi.AMSVersion{}, Modules: []cloudapi.Module{},
	}
	for _, m := range said.Modules {
		out.Modules = append(out.Modules, cloudapi.Module{
			Name: m.Name, SoftwareVersion: m.Firmware, HardwareVersion: m.Hardware, Serial: m.Serial,
		})
		if unit, ok := unitOf(m); ok {
			out.AMS = append(out.AMS, cloudapi.AMSVersion{
				SoftwareVersion: m.Firmware, HardwareVersion: m.Hardware, Serial: m.Serial,
				Firmware: []cloudapi.Firmware{}, Tray: cloudapi.Items(trays[unit]),
			})
		}
	}
	return out, err
}

// unitOf is the number of the filament unit that a module is, if it is one, by its
// name: ams/0, ams_f1/0, n3f/0, n3s/128.
func unitOf(m bambu.Module) (number string, ok bool) {
	kind, number, numbered := strings.Cut(m.Name, "/")
	return number, numbered && (kind == "ams" || kind == "ams_f1" || kind == "n3f" || kind == "n3s")
}

// trays are those of each filament unit, by its number, just as the printer
// reported them: clients read many fields of them.
func (f *face) trays(ctx context.Context, serial string) map[string][]json.RawMessage {
	live, err := f.Fleet.Live(ctx, rest.Actor(ctx), serial)
	var report struct {
		AMS struct {
			Units []struct {
				ID   json.Number       `json:"id"` // some firmware writes it as text
				Tray []json.RawMessage `json:"tray"`
			} `json:"ams"`
		} `json:"ams"`
	}
	if err != nil || json.Unmarshal(live.Raw, &report) != nil {
		return nil // nothing is known of them
	}
	found := map[string][]json.RawMessage{}
	for _, u := range report.AMS.Units {
		found[u.ID.String()] = u.Tray
	}
	return found
}

type ttcodeInput struct {
	Body cloudapi.TTCodeRequest
}

func (f *face) ttcode(ctx context.Context, in *ttcodeInput) (cloudapi.TTCode, error) {
	if err := rest.Need("dev_id", in.Body.DeviceID); err != nil {
		return cloudapi.TTCode{}, err
	}
	_, err := f.Fleet.Live(ctx, rest.Actor(ctx), in.Body.DeviceID)
	return cloudapi.TTCode{Envelope: cloudapi.Success(), Streams: []string{}, Peers: []string{}}, err
}
