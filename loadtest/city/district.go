package city

const districtName = "yuzhong"

type place struct{ slug, en, zh string }

// PlaceName says what people call a district, street or community of the city:
// its English and its Chinese name.
func PlaceName(slug string) (en, zh string, known bool) {
	if slug == districtName {
		return "Yuzhong", "渝中区", true
	}
	for _, s := range streets() {
		for _, p := range append(s.communities, s.place) {
			if p.slug == slug {
				return p.en, p.zh, true
			}
		}
	}
	return "", "", false
}

type street struct {
	place
	lat, lon    float64
	communities []place
}

// streets are the eleven street offices of Yuzhong.
func streets() []street {
	return []street{
		{place{"jiefangbei", "Jiefangbei", "解放碑街道"}, 29.5580, 106.5770, []place{
			{"minquanlu", "Minquan Road", "民权路社区"}, {"dajingxiang", "Dajing Lane", "大井巷社区"}, {"linjiangmen", "Linjiangmen", "临江门社区"}}},
		{place{"chaotianmen", "Chaotianmen", "朝天门街道"}, 29.5640, 106.5860, []place{
			{"baixiangjie", "Baixiang Street", "白象街社区"}, {"xinyijie", "Xinyi Street", "信义街社区"}, {"shaanxilu", "Shaanxi Road", "陕西路社区"}}},
		{place{"qixinggang", "Qixinggang", "七星岗街道"}, 29.5560, 106.5650, []place{
			{"guanyinyan", "Guanyinyan", "观音岩社区"}, {"lianhuachi", "Lianhuachi", "莲花池社区"}, {"jintangjie", "Jintang Street", "金汤街社区"}}},
		{place{"daxigou", "Daxigou", "大溪沟街道"}, 29.5640, 106.5580, []place{
			{"renminlu", "Renmin Road", "人民路社区"}, {"jianxin", "Jianxin", "建新社区"}, {"shuangganglu", "Shuanggang Road", "双钢路社区"}}},
		{place{"shangqingsi", "Shangqingsi", "上清寺街道"}, 29.5620, 106.5440, []place{
			{"zengjiayan", "Zengjiayan", "曾家岩社区"}, {"niujiaotuo", "Niujiaotuo", "牛角沱社区"}, {"xuetianwan", "Xuetianwan", "学田湾社区"}}},
		{place{"lianglukou", "Lianglukou", "两路口街道"}, 29.5530, 106.5480, []place{
			{"wangjiapo", "Wangjiapo", "王家坡社区"}, {"zhongshanerlu", "Zhongshan 2nd Road", "中山二路社区"}, {"guojicun", "International Village", "国际村社区"}}},
		{place{"caiyuanba", "Caiyuanba", "菜园坝街道"}, 29.5460, 106.5510, []place{
			{"pingandajie", "Ping'an Street", "平安街社区"}, {"chezhan", "Railway Station", "火车站社区"}}},
		{place{"nanjimen", "Nanjimen", "南纪门街道"}, 29.5520, 106.5700, []place{
			{"matijie", "Mati Street", "马蹄街社区"}, {"zhongxinglu", "Zhongxing Road", "中兴路社区"}}},
		{place{"shiyoulu", "Shiyou Road", "石油路街道"}, 29.5430, 106.5090, []place{
			{"jinyinshan", "Jinyinshan", "金银山社区"}, {"hongyancun", "Hongyan Village", "红岩村社区"}, {"minlecun", "Minle Village", "民乐村社区"}}},
		{place{"daping", "Daping", "大坪街道"}, 29.5420, 106.5200, []place{
			{"majiabao", "Majiabao", "马家堡社区"}, {"qipaifang", "Seven Arches", "七牌坊社区"}, {"changjiangerlu", "Changjiang 2nd Road", "长江二路社区"}}},
		{place{"hualongqiao", "Hualongqiao", "化龙桥街道"}, 29.5570, 106.5180, []place{
			{"hutouyan", "Hutou Rock", "虎头岩社区"}, {"jialingcun", "Jialing Village", "嘉陵新村社区"}}},
	}
}

type structure struct {
	en, zh string
	street string
	lat    float64
	lon    float64
}

func bridges() []structure {
	return []structure{
		{"Qiansimen Bridge", "千厮门嘉陵江大桥", "chaotianmen", 29.5655, 106.5795},
		{"Dongshuimen Bridge", "东水门长江大桥", "chaotianmen", 29.5600, 106.5890},
		{"Huanghuayuan Bridge", "黄花园嘉陵江大桥", "daxigou", 29.5660, 106.5600},
		{"Yu'ao Bridge", "渝澳嘉陵江大桥", "shangqingsi", 29.5660, 106.5400},
		{"Niujiaotuo Bridge", "牛角沱嘉陵江大桥", "shangqingsi", 29.5662, 106.5412},
		{"Jiahua Bridge", "嘉华嘉陵江大桥", "hualongqiao", 29.5600, 106.5230},
		{"Shibanpo Bridge", "石板坡长江大桥", "nanjimen", 29.5480, 106.5660},
		{"Caiyuanba Bridge", "菜园坝长江大桥", "caiyuanba", 29.5430, 106.5530},
	}
}

func tunnels() []structure {
	return []structure{
		{"Bayi Tunnel", "八一隧道", "qixinggang", 29.5560, 106.5690},
		{"Xiangyang Tunnel", "向阳隧道", "lianglukou", 29.5520, 106.5520},
		{"Shihuang Tunnel", "石黄隧道", "qixinggang", 29.5570, 106.5620},
		{"Jiahua Tunnel", "嘉华隧道", "daping", 29.5480, 106.5220},
		{"Hongyancun Tunnel", "红岩村隧道", "shiyoulu", 29.5500, 106.5120},
		{"Jiefangbei Underground Ring", "解放碑地下环道", "jiefangbei", 29.5585, 106.5765},
	}
}

// lotSites are what car parks are named after; a name is repeated with a
// number when there are more car parks than sites.
func lotSites() []place {
	return []place{
		{"shop", "Plaza", "广场"}, {"office", "Tower", "大厦"}, {"home", "Gardens", "花园"},
		{"street", "Kerbside", "路内"}, {"hospital", "Hospital", "医院"}, {"transit", "Interchange", "枢纽"},
	}
}
