import{Y as i,d as t,ga as o}from"./chunk-MTJYYPMX.js";function e(){return t(o,{title:"Chat",children:t(i,{icon:"chat",title:"This view is being built"})})}export{e as default};
