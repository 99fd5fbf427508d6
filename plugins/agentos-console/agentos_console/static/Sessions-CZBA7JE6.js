import{Y as o,d as i,ga as e}from"./chunk-MTJYYPMX.js";function t(){return i(e,{title:"Sessions",children:i(o,{icon:"sessions",title:"This view is being built"})})}export{t as default};
