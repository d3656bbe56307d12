package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/grovecloud/grove/bambu"
)

// homeFlagBase is home_flag at rest: 220 V mains, step-loss recovery, remaining
// filament detected, SD card normal, auto refill, flow and PA calibration, prompt
// sound, tangle detection (bit numbers from BambuStudio and ha-bambulab).
const homeFlagBase = 1<<3 | 1<<4 | 1<<7 | 1<<8 | 1<<10 | 1<<15 | 1<<16 | 1<<17 | 1<<18 | 1<<19 | 1<<22

// storageBits of home_flag say how the storage is: 0 absent, 1 normal.
const storageBits = 1<<8 | 1<<9

// looks is how a family of printers presents itself.
type looks struct {
	small        bool // P1, A1: the short report with their own extra fields
	idleStage    int  // stg_cur when nothing runs
	bootStage    int  // and before anything ever ran
	idleType     string
	lights       []string
	firmware     string
	modules      []module
	dual         bool
	door         bool     // knows whether its door is open
	partlyNew    bool     // reports its job in the words of newer firmware, too, and little else of it
	oldSpool     string   // the id of vt_tray; "": there is none
	fun2         bool     // reports further functions
	countsDown   bool     // reports how long a stage still takes
	rack         bool     // has a rack of nozzles
	stoppedClock bool     // its video says the same time with every picture (bambuddy)
	bareFull     bool     // its full reports do not say that they are
	nozzleRate   float64  // °C per second
	loadSeconds  float64  // to bring filament to the nozzle
	folders      []string // on its storage
	files        fileManner
	mounts       []string // where its firmware has the storage in its own file system
}

// module is one entry of get_version.
type module struct {
	Name     string `json:"name"`
	Product  string `json:"product_name,omitempty"`
	Project  string `json:"project_name,omitempty"`
	Hardware string `json:"hw_ver"`
	Software string `json:"sw_ver"`
	Loader   string `json:"loader_ver"`
	Serial   string `json:"sn"`
	Visible  bool   `json:"visible"`
	Flag     int    `json:"flag"`
	NewVer   string `json:"new_ver"`
}

func looksOf(model bambu.Model) looks {
	l := looks{
		idleStage: -1, bootStage: -1, firmware: "01.09.00.00",
		lights: []string{"chamber_light", "work_light"}, dual: model.Nozzles > 1, door: model.MainBoard != "esp32",
		modules: []module{
			{Name: "mc", Hardware: "MC10", Software: "00.00.36.14"},
			{Name: "th", Hardware: "TH09", Software: "00.00.14.09"},
		},
	}
	switch model.MainBoard {
	case "esp32":
		l.small, l.idleStage, l.bootStage, l.idleType, l.firmware = true, 255, 0, "idle", "01.08.02.00"
		l.lights = l.lights[:1]
		l.modules = append(l.modules, module{Name: "esp32", Project: model.Code, Hardware: "AP04", Software: "01.12.30.10"})
		if model.Code == "N9" {
			l.lights = append(l.lights, "heatbed_light")
		}
	case "rv1126":
		l.modules = append(l.modules,
			module{Name: "rv1126", Project: model.Code, Hardware: "AP05", Software: "00.00.34.40"},
			module{Name: "ahb", Hardware: "AHB00", Software: "00.00.07.51"}, module{Name: "xm", Hardware: "XM00", Software: "00.01.02.00"})
	default:
		l.firmware = "01.02.00.00"
		l.modules = append(l.modules,
			module{Name: "ap", Project: model.Code, Hardware: "AP11", Software: "00.00.51.81"},
			module{Name: "ahb", Hardware: "AHB01", Software: "00.00.08.12"})
	}
	l.furnish(model)
	l.particulars(model)
	if model.HasChamberHeater() && model.AirDuct {
		l.lights = append(l.lights, "chamber_light2")
	}
	return l
}

// particulars are what differs between models of one family: report fields as
// counted over the captures of ha-bambulab, rates and times that BambuStudio's
// profiles plan with.
func (l *looks) particulars(model bambu.Model) {
	l.nozzleRate, l.loadSeconds = 2, 27
	l.fun2 = slices.Contains([]string{"N9", "O1C", "N7", "N6"}, model.Code)
	l.countsDown = model.Code == "N7" || model.Code == "N6"
	switch model.Code {
	case "C11", "C12":
		l.oldSpool = "254"
	case "N2S":
		l.oldSpool, l.loadSeconds = "254", 25
	case "N1":
		l.oldSpool, l.loadSeconds = "254", 28
	case "N9":
		l.partlyNew, l.loadSeconds = true, 11
	case "BL-P001", "BL-P002", "C13":
		l.oldSpool = "255"
	case "N7":
		l.stoppedClock, l.loadSeconds = true, 26
	case "N6":
		l.nozzleRate = 1.2
	case "O1D":
		l.oldSpool, l.bareFull, l.nozzleRate, l.loadSeconds = "255", true, 3.6, 30
	case "O1C":
		l.rack, l.nozzleRate, l.loadSeconds = true, 3.6, 15
	case "O1E", "O1S":
		l.nozzleRate, l.loadSeconds = 3.6, 30
	}
}

// furnish says what the model's storage looks like: an SD card, or from the P2S on
// a USB stick (folders from OpenBambuAPI and captures of open-bambu-networking,
// mounts from the links that ha-bambulab and BambuStudio send to each model).
func (l *looks) furnish(model bambu.Model) {
	l.files = fileManner{noCard: 553}
	switch {
	case l.small:
		l.files.reuse, l.files.clearData = model.Structure != "I3", model.Structure == "I3"
		l.folders, l.mounts = []string{"/cache", "/timelapse"}, []string{"/sdcard", "/mnt/sdcard"}
	case !model.AirDuct:
		l.files.reuse, l.files.fullNames = true, true
		l.folders = []string{"/cache", "/ipcam", "/logger", "/model", "/timelapse/thumbnail"}
		l.mounts = []string{"/sdcard", "/mnt/sdcard"}
	case strings.HasPrefix(model.Code, "O1"):
		l.files.noCard = 550
		l.folders, l.mounts = []string{"/cache", "/model", "/timelapse/thumbnail"}, []string{"/media/usb0"}
	default:
		l.files.noCard = 550
		l.folders, l.mounts = []string{"/cache", "/timelapse/thumbnail"}, []string{"/media/usb0", "/sdcard"}
	}
}

// versions are the modules of get_version: the machine itself first.
func (m *machine) versions() json.RawMessage {
	list := []module{{
		Name: "ota", Product: m.model.Product, Project: m.model.Code, Hardware: "OTA", Software: m.looks.firmware, Visible: true,
	}}
	list = append(list, m.looks.modules...)
	for i := range list {
		list[i].Loader, list[i].Serial = "00.00.00.00", m.cfg.Serial
	}
	if m.ams != nil {
		for i, u := range m.ams.units {
			list = append(list, module{Name: u.module, Hardware: "AMS08", Software: "00.00.06.44", Loader: "00.00.00.00", Serial: fmt.Sprintf("00600A%09d", i+1)})
		}
	}
	raw, err := json.Marshal(list)
	if err != nil {
		panic(err) // plain strings always encode
	}
	return raw
}

// preparations are what this printer does between the file and the first layer:
// about 260 s on most machines (machine_prepare_compensation_time of BambuStudio).
func (j *job) preparations(m *machine) []stage {
	plan := []stage{
		{code: stageHeatBed, seconds: 10, until: func(h *heat) bool { return h.bed.warm() }},
		{code: stageHome, seconds: 20},
		{code: stageClean, seconds: 40},
	}
	if j.order.leveling {
		plan = append(plan, stage{code: stageLevel, seconds: 110})
	}
	if j.order.vibration {
		plan = append(plan, stage{code: stageVibration, seconds: 40})
	}
	if j.useAMS && m.ams != nil {
		plan = append(plan, stage{code: stageLoad, seconds: m.looks.loadSeconds})
	}
	plan = append(plan, stage{
		code: stageHeatNozzle, seconds: 5,
		until: func(h *heat) bool { return h.nozzle[h.active].warm() },
	})
	if j.order.flow {
		plan = append(plan, stage{code: stageExtrusion, seconds: 60})
	}
	if m.model.Code == "N7" { // about 370 s
		plan = append(plan, stage{code: stageIdentifyPlate, seconds: 30}, stage{code: stageLines, seconds: 80})
	}
	if m.looks.dual {
		plan = slices.Insert(plan, 2, stage{code: stageOffset, seconds: 60})
	}
	return plan
}

// calibration is the job of the calibration command; its bits choose the steps.
func (m *machine) calibration(option int) *job {
	j := localJob(m.now)
	j.name, j.file, j.kind, j.useAMS = "auto_cali_for_user_param", "/usr/etc/print/auto_cali_for_user.gcode", "system", false
	j.marks, j.estimate, j.layers, j.grams = []mark{{percent: 100}}, 0, 0, 0
	for bit, s := range []stage{
		{code: stageScanBed, seconds: 60},
		{code: stageLevel, seconds: 240},
		{code: stageVibration, seconds: 180},
		{code: stageMotorNoise, seconds: 300},
		{code: stageOffset, seconds: 120},
		{code: stageLevel, seconds: 300},
	} {
		if option&(1<<bit) != 0 {
			j.plan = append(j.plan, s)
		}
	}
	j.plan = append([]stage{{code: stageHome, seconds: 20}}, j.plan...)
	return j
}
