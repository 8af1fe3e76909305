package parking

import (
	"slices"
	"strings"
)

// field is a thing that a record may say.
type field uint8

const (
	fieldUnused field = iota
	fieldAsset
	fieldDevice // names the asset where nothing better does
	fieldID     // likewise, after the address that the message was sent to
	fieldLot
	fieldOccupied // a state, or the number of cars in a car park
	fieldState
	fieldFree // a state, or the number of free bays
	fieldCapacity
	fieldSource
	fieldTime
	fieldBattery
	fieldRSSI
	fields
)

// fieldNames are the fields as the configuration calls them.
func fieldNames() []string {
	return []string{
		"", "asset", "device", "id", "lot", "occupied", "state", "available", "capacity", "source", "time", "battery_volts", "rssi_dbm",
	}
}

// Columns are the names that Options.Columns may give to columns.
func Columns() []string { return fieldNames()[1:] }

func fieldOf(name string) (field, bool) {
	i := slices.Index(fieldNames(), name)
	return field(max(i, 0)), i >= 0
}

// normal is how names are compared: small, and without what joins words.
func normal(name string) string {
	plain := true
	for i := range len(name) {
		if c := name[i]; c >= 'A' && c <= 'Z' || c == '_' || c == '-' || c == ' ' || c == '.' {
			plain = false
		}
	}
	if plain {
		return name
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '_' || r == '-' || r == ' ' || r == '.':
			return -1
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return r
	}, name)
}

// known says what a name, in normal form, usually stands for.
func known(name string) field {
	switch name {
	case "asset", "assetid", "bay", "bayid", "bayno", "baycode", "baynumber", "bayname", "space", "spaceid", "spaceno", "spacecode",
		"spot", "spotid", "spotno", "spotcode", "stall", "stallid", "berth", "berthid", "berthno", "berthcode", "slot", "slotid", "slotno",
		"parkingspace", "parkingspaceid", "parkingspot", "parkingspotid", "parkingbay", "parkingbayid",
		"泊位", "泊位号", "泊位编号", "泊位编码", "车位", "车位号", "车位编号", "车位编码", "资产":
		return fieldAsset
	case "device", "deviceid", "deviceno", "devicesn", "deveui", "sn", "serial", "serialno", "serialnumber", "sensor", "sensorid",
		"设备", "设备号", "设备编号":
		return fieldDevice
	case "id", "code", "编号":
		return fieldID
	case "lot", "lotid", "lotcode", "parkinglot", "parkinglotid", "garage", "garageid", "garagecode", "carpark", "carparkid", "carparkcode",
		"carparkno", "carparknumber", "facility", "facilityid", "parking", "parkingid", "park", "parkid", "parkcode", "site", "siteid",
		"停车场", "停车场编号", "停车场编码", "车场", "车场编号":
		return fieldLot
	}
	return knownValue(name)
}

func knownValue(name string) field {
	switch name {
	case "occupied", "isoccupied", "occupancy", "occupiedspaces", "occupiedspots", "occupiedspotnumber", "occupiedcount", "occupiedbays", "taken", "used", "usedspaces",
		"inuse", "vehicles", "vehiclecount", "cars", "carcount", "count", "present", "vehiclepresent", "carpresent", "parked",
		"占用", "是否占用", "有车", "是否有车", "占用数", "已占用", "已用车位", "已用车位数", "已停车位", "在场车辆", "在场车辆数":
		return fieldOccupied
	case "status", "state", "baystatus", "baystate", "spacestatus", "spotstatus", "parkingstatus", "parkingstate", "berthstatus",
		"状态", "泊位状态", "车位状态":
		return fieldState
	case "available", "free", "vacant", "empty", "availablespaces", "availablespots", "availablespotnumber", "availablecount", "availablebays",
		"freespaces", "freespots", "freecount", "freebays", "vacantspaces", "emptyspaces", "remaining", "remainingspaces", "spacesavailable", "spacesfree",
		"剩余", "剩余车位", "剩余车位数", "空余车位", "空余车位数", "空闲车位", "空闲车位数", "空闲泊位", "空闲泊位数", "空位", "空位数", "余位":
		return fieldFree
	case "capacity", "total", "totalspaces", "totalspots", "totalspotnumber", "totalcount", "totalbays", "spaces", "spacestotal", "maxspaces", "totalcapacity",
		"总数", "车位总数", "总车位", "总车位数", "泊位总数", "总泊位数":
		return fieldCapacity
	case "source", "origin", "来源", "数据来源":
		return fieldSource
	case "time", "timestamp", "ts", "datetime", "observedat", "eventtime", "reporttime", "updatetime", "updated", "updatedat", "lastupdated", "lastupdate",
		"recordtime", "recorddatetime", "sampletime", "date", "时间", "上报时间", "更新时间", "采集时间", "记录时间":
		return fieldTime
	case "battery", "batteryvolts", "batteryv", "batteryvoltage", "电压", "电池电压":
		return fieldBattery
	case "rssi", "rssidbm", "信号强度":
		return fieldRSSI
	}
	return fieldUnused
}
